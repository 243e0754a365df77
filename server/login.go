package server

import (
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	gossh "golang.org/x/crypto/ssh"

	"github.com/deployerd/deployerd/auth"
)

const (
	maxTries      = 6  // failed tries on a connection
	maxKeyQueries = 20 // keys asked about on a connection: an agent may hold many
	maxShownName  = 64 // runes of a user name in records
)

// errDenied is every refusal of a login: the client learns nothing else.
var errDenied = errors.New("permission denied")

// identityKey is where the permissions of a connection hold its auth.Identity.
type identityKey struct{}

// login is the authentication of one connection. The SSH library calls it from
// one goroutine.
//
// Keys are refused without delay: guessing one is hopeless, the answer is the
// same for unknown users and unlisted keys, and a user whose agent offers five
// keys should not wait for each. Passwords are refused on a grid of 500 ms.
type login struct {
	client  *client
	banner  func(message string) error
	backlog <-chan []byte // what the library has read ahead

	tries, queries, nones int
	fresh                 bool          // the key of the next verdict was counted already
	candidate             auth.Identity // of the attempt the library is about to judge
	name, method          string        // the last ones tried, for the record
}

// begin is called when the key exchange is over.
func (l *login) begin(p gossh.ServerPreAuthConn) {
	l.banner = p.SendAuthBanner
	if l.backlog = backlog(p); l.backlog == nil {
		l.client.log.Error("the SSH library has changed: a hostile client can leave goroutines behind")
	}
	l.client.conn.early.open()
}

func (l *login) note(user, method string) {
	l.name, l.method = shown(user), method
}

// key answers whether a key would do. It proves nothing about who asks: the
// identity is only made in verified.
func (l *login) key(m gossh.ConnMetadata, key gossh.PublicKey) (*gossh.Permissions, error) {
	l.candidate = auth.Identity{}
	l.fresh = true
	l.query()
	if _, ok := l.check(m, key); !ok {
		return nil, errDenied
	}
	return nil, nil
}

// verified makes the identity of the key that signed.
func (l *login) verified(m gossh.ConnMetadata, key gossh.PublicKey, _ *gossh.Permissions, _ string) (*gossh.Permissions, error) {
	id, ok := l.check(m, key)
	if !ok {
		return nil, errDenied
	}
	return l.accept(id), nil
}

func (l *login) check(m gossh.ConnMetadata, key gossh.PublicKey) (auth.Identity, bool) {
	if _, isCert := key.(*gossh.Certificate); isCert {
		return auth.Identity{}, false // not in this version
	}
	return l.client.srv.door.users().CheckKey(m.User(), key, l.client.from, time.Now())
}

// password checks a password.
func (l *login) password(m gossh.ConnMetadata, password []byte) (*gossh.Permissions, error) {
	l.candidate = auth.Identity{}
	if id, ok := l.client.checkPassword(l.client.ctx, m.User(), string(password)); ok {
		return l.accept(id), nil
	}
	return nil, errDenied
}

func (l *login) accept(id auth.Identity) *gossh.Permissions {
	l.candidate = id
	return &gossh.Permissions{ExtraData: map[any]any{identityKey{}: id}}
}

// verdict is called with the outcome of every attempt but the approval of a
// queried key, before the client hears it. The library's own count is not used:
// it takes a query for a failure.
func (l *login) verdict(m gossh.ConnMetadata, method string, err error) {
	fresh := l.fresh
	l.fresh = false
	switch {
	case err == nil:
		l.client.welcome(l.candidate)
	case method == "none":
		// The first asks which methods there are (RFC 4252 section 5.2).
		if l.nones++; l.nones > 1 {
			l.failed()
		}
	case method == "publickey":
		l.note(m.User(), method)
		if !fresh {
			l.query() // answered from the library's memory
		}
	default:
		l.note(m.User(), shown(method))
		l.failed()
	}
}

func (l *login) query() {
	if l.queries++; l.queries > maxKeyQueries {
		l.enough("too many keys")
	}
}

func (l *login) failed() {
	if l.tries++; l.tries >= maxTries {
		l.enough("too many tries")
	}
}

// enough ends the connection, with a word while one can still be said.
func (l *login) enough(why string) {
	if err := l.banner("deployerd: " + why + "\r\n"); err != nil {
		l.client.log.Debug("say why the connection is closed", "err", err)
	}
	_ = l.client.conn.Close()
}

// shown makes a stranger's text fit for records: short and without control
// characters.
func shown(s string) string {
	s = s[:min(len(s), maxShownName*utf8.UTFMax)]
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if r := []rune(s); len(r) > maxShownName {
		s = string(r[:maxShownName])
	}
	return s
}
