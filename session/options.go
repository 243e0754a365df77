package session

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/session/run"
)

// Bounds of options.
const (
	maxForks  = 10_000
	maxReason = 1024 // bytes
)

// options are the run options of a line.
type options struct {
	sandbox, json, detach, stdin bool
	yes, nonInteractive          bool

	limit     *run.Limit
	limitText string
	forks     int
	serial    node.Serial
	maxFail   *node.MaxFail
	timeout   time.Duration
	reason    string

	given []string // their names, in order
}

// optionSet says which options a command takes.
type optionSet uint

const (
	takesJSON   optionSet = 1 << iota
	takesReason           // what needs a right may need a reason
	takesRun              // what starts a run
)

// option is one run option of SHELL.md.
type option struct {
	name  string
	value string // what its value is called; "" for none
	doc   string
	in    optionSet
	set   func(o *options, value string) error // nil: not in this version
}

// runOptions lists them all, in SHELL.md's order.
func runOptions() []option {
	return []option{
		{"--sandbox", "", "change nothing, show what would be done", takesRun, setFlag(func(o *options) *bool { return &o.sandbox })},
		{"--limit", "HOSTS", "only these hosts: web1,web*,!web9", takesRun, setLimit},
		{"--forks", "N", "how many hosts at once", takesRun, setForks},
		{"--serial", "SIZES", "in batches, one after the other: 2, or 1,20%,100%", takesRun, setSerial},
		{"--max-fail", "N", "start nothing further when more hosts failed: 2 or 10%", takesRun, setMaxFail},
		{"--timeout", "TIME", "how long, per host: 90s, 5m", takesRun, setTimeout},
		{"--json", "", "JSON lines instead of text", takesJSON, setFlag(func(o *options) *bool { return &o.json })},
		{"--detach", "", "start it, print its id, leave", takesRun, setFlag(func(o *options) *bool { return &o.detach })},
		{"--yes", "", "answer confirmations with yes", takesRun, setFlag(func(o *options) *bool { return &o.yes })},
		{"--non-interactive", "", "never wait for input", takesRun, setFlag(func(o *options) *bool { return &o.nonInteractive })},
		{"--stdin", "", "give standard input to each of several hosts", takesRun, setFlag(func(o *options) *bool { return &o.stdin })},
		{"--reason", "TEXT", "kept with the run", takesReason, setReason},
	}
}

func findOption(name string) (option, bool) {
	all := runOptions()
	i := slices.IndexFunc(all, func(o option) bool { return o.name == name })
	if i < 0 {
		return option{}, false
	}
	return all[i], true
}

// apply sets an option; a second time it is an error.
func (o *options) apply(opt option, value string) error {
	if slices.Contains(o.given, opt.name) {
		return wrongf("%s is given twice", opt.name)
	}
	o.given = append(o.given, opt.name)
	return opt.set(o, value)
}

// check refuses options that what takes the set has no use for.
func (o *options) check(what string, set optionSet) error {
	for _, name := range o.given {
		if opt, _ := findOption(name); opt.in&set == 0 {
			return wrongf("%s takes no %s", what, name)
		}
	}
	return nil
}

func setFlag(flag func(*options) *bool) func(*options, string) error {
	return func(o *options, _ string) error {
		*flag(o) = true
		return nil
	}
}

func setLimit(o *options, value string) (err error) {
	o.limitText = value
	if o.limit, err = run.ParseLimit(value); err != nil {
		return wrongf("--%v", err)
	}
	return nil
}

func setForks(o *options, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > maxForks {
		return wrongf("--forks %s: give a number from 1 to %d", value, maxForks)
	}
	o.forks = n
	return nil
}

func setSerial(o *options, value string) (err error) {
	if o.serial, err = node.ParseSerial(value); err != nil {
		return wrongf("--serial %s: %v", value, err)
	}
	return nil
}

func setMaxFail(o *options, value string) (err error) {
	if o.maxFail, err = node.ParseMaxFail(value); err != nil {
		return wrongf("--max-fail %s: %v", value, err)
	}
	return nil
}

func setTimeout(o *options, value string) error {
	d, ok := parseDuration(value)
	if !ok {
		return wrongf("--timeout %s: give a time such as 90s, 5m or 1h", value)
	}
	o.timeout = d
	return nil
}

// parseDuration reads 90s, 5m, 1h30m and 2d; it must be above 0.
func parseDuration(text string) (time.Duration, bool) {
	if days, found := strings.CutSuffix(text, "d"); found {
		n, err := strconv.ParseUint(days, 10, 12)
		return time.Duration(n) * 24 * time.Hour, err == nil && n > 0
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d > 0
}

func setReason(o *options, value string) error {
	if strings.TrimSpace(value) == "" || len(value) > maxReason {
		return wrongf("--reason needs a text of at most %d bytes", maxReason)
	}
	o.reason = value
	return nil
}
