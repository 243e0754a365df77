package auth

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
)

var home = netip.MustParseAddr("192.0.2.7")

func TestKeyLogsInItsOwnUserOnly(t *testing.T) {
	t.Parallel()
	alice, aliceLine := edKey(t)
	bob, bobLine := edKey(t)
	u := mustUsers(t,
		UserOptions{Name: "alice", Keys: []string{aliceLine}, Roles: []string{"admin", "operator"}},
		UserOptions{Name: "bob", KeysFile: "# bob's\n\n" + bobLine + " bob@x\r\n"},
		UserOptions{Name: "carol", Keys: []string{aliceLine}, Disabled: true},
	)
	got, ok := u.CheckKey("alice", alice, home, time.Now())
	want := Identity{User: "alice", Roles: []string{"admin", "operator"}, Method: "publickey", Key: ssh.FingerprintSHA256(alice)}
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("alice with her key: %t, %s", ok, diff)
	}
	if _, ok := u.CheckKey("bob", bob, home, time.Now()); !ok {
		t.Error("bob's key from his file is refused")
	}
	for _, c := range []struct {
		user string
		key  ssh.PublicKey
	}{{"alice", bob}, {"bob", alice}, {"carol", alice}, {"nobody", alice}, {"", alice}} {
		if id, ok := u.CheckKey(c.user, c.key, home, time.Now()); ok {
			t.Errorf("%q logs in with a key that is not theirs or is disabled: %+v", c.user, id)
		}
	}
}

func TestKeyOptionsHoldAtLogin(t *testing.T) {
	t.Parallel()
	key, line := edKey(t)
	u := mustUsers(t, UserOptions{Name: "ci", Keys: []string{
		`from="192.0.2.0/24",expiry-time="20300101Z" ` + line,
		`from="2001:db8::5" ` + line, // the same key again: either will do
	}})
	before, after := time.Date(2029, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(2030, 1, 1, 0, 0, 1, 0, time.UTC)
	for _, c := range []struct {
		from string
		now  time.Time
		want bool
	}{
		{"192.0.2.7", before, true},
		{"::ffff:192.0.2.7", before, true},
		{"192.0.2.7", after, false},
		{"198.51.100.1", before, false},
		{"2001:db8::5", after, true},
		{"2001:db8::6", before, false},
	} {
		if _, ok := u.CheckKey("ci", key, netip.MustParseAddr(c.from), c.now); ok != c.want {
			t.Errorf("from %s at %s: %t, want %t", c.from, c.now, ok, c.want)
		}
	}
}

func TestEveryUserFaultIsReported(t *testing.T) {
	t.Parallel()
	_, line := edKey(t)
	_, short := rsaKey(t, 1024)
	_, err := NewUsers([]UserOptions{
		{Name: "alice", Keys: []string{line, "junk", short}},
		{Name: "alice", KeysFile: "# mine\nrestrict " + line + "\n" + line + "\nmore junk\n"},
		{Name: "", Password: "secret"},
		{Name: "new\nline", Roles: []string{"ok", "not ok"}},
	})
	want := []string{
		`users[0].keys[1]: this is no authorized_keys line`,
		`users[0].keys[2]: an RSA key has 3072 to 8192 bits, this one has 1024`,
		`users[1].keys_file: line 2: the key is refused: the option restrict is not in this version`,
		`users[1].keys_file: line 4: this is no authorized_keys line`,
		`users[1].name: the user "alice" is there twice`,
		`users[2].name: the user name is missing`,
		`users[2].password: the password is no hash that is read here`,
		`users[3].name: "new\nline" is no user name`,
		`users[3].roles[1]: "not ok" is no role`,
	}
	if diff := cmp.Diff(want, fields(t, err)); diff != "" {
		t.Error(diff)
	}
	var first *FieldError
	if !errors.As(err, &first) || first.Hint == "" {
		t.Errorf("the first fault has no hint: %+v", first)
	}
}

func TestAUserHasABoundedNumberOfKeys(t *testing.T) {
	t.Parallel()
	_, line := edKey(t)
	_, err := NewUsers([]UserOptions{{Name: "a", KeysFile: strings.Repeat(line+"\n", maxKeys+9)}})
	if got := fields(t, err); len(got) != 1 || !strings.Contains(got[0], "more than 1000 keys") {
		t.Errorf("faults %q, want one about the number of keys", got)
	}
	_, err = NewUsers([]UserOptions{{Name: "a", KeysFile: strings.Repeat("\n", maxKeysFile+1)}})
	if got := fields(t, err); len(got) != 1 || !strings.Contains(got[0], "larger than") {
		t.Errorf("faults %q, want one about the size of the file", got)
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	u := mustUsers(t, UserOptions{Name: "root", Roles: []string{"admin"}}, UserOptions{Name: "old", Disabled: true})
	got, ok := u.Lookup("root")
	if diff := cmp.Diff(Identity{User: "root", Roles: []string{"admin"}}, got); !ok || diff != "" {
		t.Errorf("root: %t, %s", ok, diff)
	}
	got.Roles[0] = "changed"
	if again, _ := u.Lookup("root"); again.Roles[0] != "admin" {
		t.Error("an identity's roles are the account's own")
	}
	for _, name := range []string{"old", "nobody"} {
		if _, ok := u.Lookup(name); ok {
			t.Errorf("%s is found", name)
		}
	}
}
