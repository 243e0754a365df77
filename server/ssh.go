package server

import (
	"net"
	"strings"

	"charm.land/ssh"
	"charm.land/wish/v2"
	gossh "golang.org/x/crypto/ssh"
)

// The algorithms of SECURITY.md. curve25519-sha256 brings its older name,
// curve25519-sha256@libssh.org, with it.
var (
	keyExchanges = []string{gossh.KeyExchangeMLKEM768X25519, gossh.KeyExchangeCurve25519}
	ciphers      = []string{gossh.CipherChaCha20Poly1305, gossh.CipherAES256GCM, gossh.CipherAES128GCM}
	macs         = []string{gossh.HMACSHA256ETM, gossh.HMACSHA512ETM}
	userKeys     = []string{
		gossh.KeyAlgoED25519, gossh.KeyAlgoSKED25519,
		gossh.KeyAlgoECDSA256, gossh.KeyAlgoECDSA384, gossh.KeyAlgoECDSA521, gossh.KeyAlgoSKECDSA256,
		gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256,
	}
)

// clientKey is where a connection's context holds its *client.
type clientKey struct{}

func clientOf(ctx ssh.Context) *client {
	c, _ := ctx.Value(clientKey{}).(*client)
	return c
}

// newSSH makes the SSH server. It is used for its connections only: limits,
// login and what a session may ask for are ours.
func (s *Server) newSSH(hostKeys [][]byte, banner string) (*ssh.Server, error) {
	signers, err := hostSigners(hostKeys)
	if err != nil {
		return nil, err
	}
	return wish.NewServer(
		wish.WithVersion("deployerd"),
		wish.WithBanner(asBanner(banner)),
		wish.WithMiddleware(func(ssh.Handler) ssh.Handler { return s.serve }),
		func(srv *ssh.Server) error {
			for _, k := range signers {
				srv.AddHostKey(k)
			}
			srv.ConnCallback = introduce
			srv.ServerConfigCallback = s.config
			srv.ConnectionFailedCallback = s.handshakeFailed
			srv.PtyHandler = rawPty
			srv.ChannelHandlers = map[string]ssh.ChannelHandler{"session": s.session, "default": s.otherChannel}
			srv.SubsystemHandlers = map[string]ssh.SubsystemHandler{"default": s.serve}
			srv.RequestHandlers = map[string]ssh.RequestHandler{"default": s.globalRequest}
			return nil
		},
	)
}

// asBanner ends each line as RFC 4252 section 5.4 wants it.
func asBanner(text string) string {
	text = strings.TrimRight(text, "\r\n")
	if text == "" {
		return ""
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n") + "\r\n"
}

// introduce ties the library's context of a connection and our client together.
func introduce(ctx ssh.Context, nc net.Conn) net.Conn {
	c, ok := nc.(*conn)
	if !ok {
		return nil // not from our listeners: the library closes it
	}
	c.client.ctx = ctx
	ctx.SetValue(clientKey{}, c.client)
	return nc
}

// config makes a connection's configuration. There is always a login method
// (keys), so that the library never falls back to letting everybody in.
func (s *Server) config(ctx ssh.Context) *gossh.ServerConfig {
	l := &clientOf(ctx).login
	cfg := &gossh.ServerConfig{
		Config:                    gossh.Config{KeyExchanges: keyExchanges, Ciphers: ciphers, MACs: macs},
		PublicKeyAuthAlgorithms:   userKeys,
		MaxAuthTries:              maxTries + maxKeyQueries, // login counts better; this is the net below
		PublicKeyCallback:         l.key,
		VerifiedPublicKeyCallback: l.verified,
		AuthLogCallback:           l.verdict,
		PreAuthConnCallback:       l.begin,
	}
	if s.door.users().HasPassword() {
		cfg.PasswordCallback = l.password
	}
	return cfg
}

func (s *Server) handshakeFailed(nc net.Conn, err error) {
	text := err.Error()
	s.log.Debug("handshake failed", "remote", nc.RemoteAddr().String(), "err", text[:min(len(text), 512)])
}

// rawPty keeps a terminal as the client asked for it: no pty is opened here, and
// output is not rewritten.
func rawPty(ssh.Context, ssh.Session, ssh.Pty) (func() error, error) {
	return func() error { return nil }, nil
}

// globalRequest answers signs of life; forwarding and all else is refused.
func (s *Server) globalRequest(ctx ssh.Context, _ *ssh.Server, r *gossh.Request) (bool, []byte) {
	clientOf(ctx).count()
	return r.Type == "keepalive@openssh.com", nil
}

// otherChannel refuses tunnels and all other channels.
func (s *Server) otherChannel(_ *ssh.Server, _ *gossh.ServerConn, nc gossh.NewChannel, ctx ssh.Context) {
	c := clientOf(ctx)
	c.count()
	if err := nc.Reject(gossh.Prohibited, shown(nc.ChannelType())+": not in this version"); err != nil {
		c.log.Debug("reject a channel", "err", err)
	}
}
