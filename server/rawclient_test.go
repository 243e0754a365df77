package server

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math/big"
	"net"
	"testing"

	gossh "golang.org/x/crypto/ssh"
)

// Message numbers of RFC 4250 section 4.1.2.
const (
	msgDisconnect     = 1
	msgServiceRequest = 5
	msgServiceAccept  = 6
	msgKexInit        = 20
	msgKexECDHInit    = 30
	msgUserAuth       = 50
	msgAuthFailure    = 51
	msgAuthSuccess    = 52
	msgAuthBanner     = 53
	msgPubKeyOK       = 60
	msgGlobalRequest  = 80
	msgChannelOpen    = 90
	msgOpenConfirm    = 91
	msgChannelData    = 94
	msgChannelClose   = 97
	msgChannelRequest = 98
)

// rawClient is an SSH client that does as it is told: a key exchange
// (curve25519-sha256, aes128-gcm), then any packets in any order.
type rawClient struct {
	t         *testing.T
	nc        net.Conn
	r         *bufio.Reader
	sessionID []byte
	out, in   *gcm
	received  int // bytes of packets read after the key exchange
}

type gcm struct {
	aead cipher.AEAD
	iv   [12]byte
}

// next counts the invocation field up (RFC 5647 section 7.1).
func (g *gcm) next() { binary.BigEndian.PutUint64(g.iv[4:], binary.BigEndian.Uint64(g.iv[4:])+1) }

type kexInit struct {
	Cookie                   [16]byte
	Kex, HostKey             []string
	CipherCS, CipherSC       []string
	MACCS, MACSC             []string
	CompressCS, CompressSC   []string
	LanguagesCS, LanguagesSC []string
	FirstFollows             bool
	Reserved                 uint32
}

const rawVersion = "SSH-2.0-raw"

// newRaw connects and exchanges versions and keys. The server's signature is
// not looked at.
func (h *house) newRaw() *rawClient {
	h.t.Helper()
	c := &rawClient{t: h.t, nc: h.dial()}
	c.r = bufio.NewReader(c.nc)
	c.must(c.nc.Write([]byte(rawVersion + "\r\n")))
	version, err := c.r.ReadString('\n')
	if err != nil || version != "SSH-2.0-deployerd\r\n" {
		c.t.Fatalf("version %q, %v", version, err)
	}
	mine := append([]byte{msgKexInit}, gossh.Marshal(&kexInit{
		Kex: []string{gossh.KeyExchangeCurve25519}, HostKey: []string{gossh.KeyAlgoED25519},
		CipherCS: []string{gossh.CipherAES128GCM}, CipherSC: []string{gossh.CipherAES128GCM},
		MACCS: []string{gossh.HMACSHA256ETM}, MACSC: []string{gossh.HMACSHA256ETM},
		CompressCS: []string{"none"}, CompressSC: []string{"none"},
	})...)
	c.send(mine)
	theirs := c.read()
	c.exchange(version[:len(version)-2], mine, theirs)
	return c
}

func (c *rawClient) must(_ int, err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *rawClient) exchange(version string, mine, theirs []byte) {
	c.t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	ours := key.PublicKey().Bytes()
	c.send(append([]byte{msgKexECDHInit}, gossh.Marshal(struct{ Q []byte }{ours})...))
	var reply struct{ HostKey, Q, Signature []byte }
	if err := gossh.Unmarshal(c.read()[1:], &reply); err != nil {
		c.t.Fatal(err)
	}
	peer, err := ecdh.X25519().NewPublicKey(reply.Q)
	if err != nil {
		c.t.Fatal(err)
	}
	secret, err := key.ECDH(peer)
	if err != nil {
		c.t.Fatal(err)
	}
	shared := gossh.Marshal(struct{ K *big.Int }{new(big.Int).SetBytes(secret)})
	sum := sha256.Sum256(append(gossh.Marshal(struct {
		VC, VS             string
		IC, IS, KS, QC, QS []byte
	}{rawVersion, version, mine, theirs, reply.HostKey, ours, reply.Q}), shared...))
	c.sessionID = sum[:]
	c.send([]byte{msgNewKeys})
	if p := c.read(); p[0] != msgNewKeys {
		c.t.Fatalf("packet %d instead of the new keys", p[0])
	}
	c.out, c.in = c.keys(shared, 'A', 'C'), c.keys(shared, 'B', 'D')
}

// keys derives an initial vector and a key (RFC 4253 section 7.2).
func (c *rawClient) keys(shared []byte, iv, key byte) *gcm {
	c.t.Helper()
	derive := func(letter byte) []byte {
		sum := sha256.Sum256(append(append(append([]byte{}, shared...), c.sessionID...), append([]byte{letter}, c.sessionID...)...))
		return sum[:]
	}
	block, err := aes.NewCipher(derive(key)[:16])
	if err != nil {
		c.t.Fatal(err)
	}
	g := &gcm{}
	if g.aead, err = cipher.NewGCM(block); err != nil {
		c.t.Fatal(err)
	}
	copy(g.iv[:], derive(iv))
	return g
}

// pack makes the bytes of one packet.
func (c *rawClient) pack(payload []byte) []byte {
	padding := 16 - (1+len(payload))%16
	if c.out == nil {
		padding = 8 - (5+len(payload))%8
	}
	if padding < 4 {
		padding += 16
	}
	p := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)+padding))
	p = append(append(append(p, byte(padding)), payload...), make([]byte, padding)...)
	if c.out == nil {
		return p
	}
	p = append(p[:4], c.out.aead.Seal(nil, c.out.iv[:], p[4:], p[:4])...)
	c.out.next()
	return p
}

// send sends packets in one write.
func (c *rawClient) send(payloads ...[]byte) {
	c.t.Helper()
	var all []byte
	for _, p := range payloads {
		all = append(all, c.pack(p)...)
	}
	c.must(c.nc.Write(all))
}

// read returns the next packet, failing the test at the end of the connection.
func (c *rawClient) read() []byte {
	c.t.Helper()
	p, err := c.next()
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

func (c *rawClient) next() ([]byte, error) {
	length := make([]byte, 4)
	if _, err := io.ReadFull(c.r, length); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(length))
	if c.in != nil {
		n += c.in.aead.Overhead()
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(c.r, body); err != nil {
		return nil, err
	}
	if c.in != nil {
		var err error
		if body, err = c.in.aead.Open(nil, c.in.iv[:], body, length); err != nil {
			return nil, err
		}
		c.in.next()
		c.received += 4 + n
	}
	return body[1 : len(body)-int(body[0])], nil
}

// ready asks for the authentication and waits until it begins.
func (c *rawClient) ready() *rawClient {
	c.t.Helper()
	c.send(serviceRequest("ssh-userauth"))
	if p := c.read(); p[0] != msgServiceAccept {
		c.t.Fatalf("packet %d instead of the service", p[0])
	}
	return c
}

func serviceRequest(name string) []byte {
	return append([]byte{msgServiceRequest}, gossh.Marshal(struct{ Name string }{name})...)
}

// ask sends a packet of the authentication and returns the answer's number.
func (c *rawClient) ask(payload []byte) byte {
	c.t.Helper()
	c.send(payload)
	return c.read()[0]
}

func authRequest(user, method string, rest any) []byte {
	p := append([]byte{msgUserAuth}, gossh.Marshal(struct{ User, Service, Method string }{user, "ssh-connection", method})...)
	if rest != nil {
		p = append(p, gossh.Marshal(rest)...)
	}
	return p
}

type keyQuery struct {
	Signed bool
	Algo   string
	Key    []byte
}

func query(user string, key gossh.PublicKey) []byte {
	return authRequest(user, "publickey", keyQuery{Algo: key.Type(), Key: key.Marshal()})
}

// signed claims key and signs with signer.
func (c *rawClient) signed(user string, key gossh.PublicKey, signer gossh.Signer) []byte {
	c.t.Helper()
	p := authRequest(user, "publickey", keyQuery{Signed: true, Algo: key.Type(), Key: key.Marshal()})
	sig, err := signer.Sign(rand.Reader, append(gossh.Marshal(struct{ ID []byte }{c.sessionID}), p...))
	if err != nil {
		c.t.Fatal(err)
	}
	return append(p, gossh.Marshal(struct{ Sig []byte }{gossh.Marshal(sig)})...)
}

func withPassword(user, password string) []byte {
	return authRequest(user, "password", struct {
		Change   bool
		Password string
	}{false, password})
}

// enter logs in with the user's own key.
func (c *rawClient) enter(user string, signer gossh.Signer) *rawClient {
	c.t.Helper()
	if got := c.ready().ask(c.signed(user, signer.PublicKey(), signer)); got != msgAuthSuccess {
		c.t.Fatalf("packet %d instead of the success", got)
	}
	return c
}
