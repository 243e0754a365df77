package journal

import "time"

// Kind says what a record tells.
type Kind string

// The kinds of audit records.
const (
	Intent  Kind = "intent"  // before the first byte goes to a target
	End     Kind = "end"     // how it ended
	Login   Kind = "login"   // somebody came in
	Refused Kind = "refused" // a login or a request was refused
	Session Kind = "session" // a session began or ended
	Reload  Kind = "reload"  // configuration and tree were swapped, or not
	Daemon  Kind = "daemon"  // the daemon started or stopped
)

// Record is one entry of the audit. The journal fills Seq, Time, Daemon, Prev
// and Hash; what the caller put there is overwritten.
type Record struct {
	Seq     uint64    `json:"seq"`
	Time    time.Time `json:"time"` // UTC
	Daemon  string    `json:"daemon"`
	Kind    Kind      `json:"kind"`
	Run     string    `json:"run,omitempty"`
	Call    int       `json:"call,omitempty"` // numbers the calls of a run from 1; 0 is the run itself
	User    string    `json:"user,omitempty"`
	From    string    `json:"from,omitempty"`
	Method  string    `json:"method,omitempty"`
	Path    string    `json:"path,omitempty"`
	Action  string    `json:"action,omitempty"`
	Args    []string  `json:"args,omitempty"`
	Hosts   []string  `json:"hosts,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Status  string    `json:"status,omitempty"`  // of an end
	Results []HostEnd `json:"results,omitempty"` // of an end
	Text    string    `json:"text,omitempty"`    // why, in words
	Prev    string    `json:"prev"`              // hash of the record before, of the same daemon; "" for the first
	Hash    string    `json:"hash"`              // SHA-256 in hex; see the package's documentation
}

// HostEnd is how a call ended on one host.
type HostEnd struct {
	Host     string `json:"host"`
	Status   string `json:"status"`
	ExitCode *int   `json:"exit_code,omitempty"`
}

// size is about how many bytes a record takes, before JSON's escapes.
func (r Record) size() int {
	n := 400 + len(r.Run) + len(r.User) + len(r.From) + len(r.Method) + len(r.Path) +
		len(r.Action) + len(r.Reason) + len(r.Status) + len(r.Text)
	for _, s := range r.Args {
		n += len(s) + 3
	}
	for _, s := range r.Hosts {
		n += len(s) + 3
	}
	for _, e := range r.Results {
		n += len(e.Host) + len(e.Status) + 40
	}
	return n
}
