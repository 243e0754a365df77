package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"
)

// UserOptions describe one user.
type UserOptions struct {
	Name     string   // letters, digits and . _ - @, at most 64
	Keys     []string // authorized_keys lines
	KeysFile string   // the text of the file, not its name; "" for none
	Password string   // a hash; "" for none
	Roles    []string // named like users
	Disabled bool
}

// Users are the accounts. Immutable and safe for concurrent use.
type Users struct {
	byName map[string]*account
	// costs are hashes to compute for names that have none, so that such a name
	// costs what a real one does. Never empty.
	costs []passwordHash
}

// account is one user, as checked.
type account struct {
	name     string
	keys     map[string][]keyLine // by the key's wire form
	password passwordHash         // nil for none
	roles    []string
	disabled bool
}

// Identity is who somebody proved to be.
type Identity struct {
	User   string
	Roles  []string
	Method string // "publickey" or "password"; "" from Lookup
	Key    string // the key's SHA256 fingerprint, "" for a password
}

// NewUsers checks all users and returns every *FieldError joined. Fields are
// users[i].name, .keys[j], .keys_file (with the line in the error), .password,
// .roles[j]. With an error there are no Users: a line that cannot be honoured
// is neither dropped nor does it hide what is wrong below it.
func NewUsers(users []UserOptions) (*Users, error) {
	var wrong faults
	u := &Users{byName: make(map[string]*account, len(users))}
	for i, o := range users {
		field := fmt.Sprintf("users[%d]", i)
		a := newAccount(field, o, &wrong)
		if _, double := u.byName[a.name]; double {
			wrong.add(field+".name", fmt.Errorf("the user %q is there twice", a.name))
		}
		u.byName[a.name] = a
		if a.password != nil {
			u.costs = append(u.costs, a.password)
		}
	}
	if err := wrong.join(); err != nil {
		return nil, err
	}
	if len(u.costs) == 0 {
		u.costs = []passwordHash{decoy}
	}
	return u, nil
}

func newAccount(field string, o UserOptions, wrong *faults) *account {
	a := &account{
		name:     o.Name,
		keys:     make(map[string][]keyLine),
		roles:    slices.Clone(o.Roles),
		disabled: o.Disabled,
	}
	wrong.add(field+".name", checkName("user name", o.Name))
	for j, role := range o.Roles {
		wrong.add(fmt.Sprintf("%s.roles[%d]", field, j), checkName("role", role))
	}
	a.addKeys(field, o, wrong)
	if o.Password != "" {
		hash, err := parseHash(o.Password)
		wrong.add(field+".password", err)
		a.password = hash
	}
	return a
}

// names are what stands in logs, in the audit and in rules; nothing in them may
// need quoting anywhere.
var names = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}$`)

func checkName(what, name string) error {
	switch {
	case name == "":
		return errors.New("the " + what + " is missing")
	case !names.MatchString(name):
		return advise("letters, digits and . _ - @, at most 64, not . - @ first", "%q is no %s", name, what)
	}
	return nil
}

// CheckKey says whether key may log in as user from there, now. It does not
// prove possession: the caller takes the identity only of a key that signed.
func (u *Users) CheckKey(user string, key ssh.PublicKey, from netip.Addr, now time.Time) (Identity, bool) {
	a, ok := u.byName[user]
	if !ok || a.disabled {
		return Identity{}, false
	}
	from = plain(from)
	for _, line := range a.keys[string(key.Marshal())] {
		if line.admits(from, now) {
			id := a.identity("publickey")
			id.Key = ssh.FingerprintSHA256(key)
			return id, true
		}
	}
	return Identity{}, false
}

// Lookup returns a user's identity without a check, for a login that was
// verified elsewhere. false when there is none or it is disabled.
func (u *Users) Lookup(user string) (Identity, bool) {
	a, ok := u.byName[user]
	if !ok || a.disabled {
		return Identity{}, false
	}
	return a.identity(""), true
}

// HasPassword says whether any enabled user has a password.
func (u *Users) HasPassword() bool {
	for _, a := range u.byName {
		if a.password != nil && !a.disabled {
			return true
		}
	}
	return false
}

func (a *account) identity(method string) Identity {
	return Identity{User: a.name, Roles: slices.Clone(a.roles), Method: method}
}
