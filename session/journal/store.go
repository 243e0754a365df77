package journal

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	streamName = "AUDIT"
	// maxPayload bounds a message: a call's records, each byte escaped.
	maxPayload = 8 << 20
	// jetStreamMemory bounds streams in memory; there are none.
	jetStreamMemory = 1 << 20
	// jetStreamStore is no bound of its own: the disk is.
	jetStreamStore = 1 << 62
)

// store is the embedded server with the audit's stream. It listens nowhere.
type store struct {
	server *server.Server
	conn   *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
}

// openStore starts the server on dir, where the stream's last message was last;
// when that is 0 a stream that is not there is made.
func openStore(ctx context.Context, dir string, last uint64, log *slog.Logger) (*store, error) {
	if err := checkBlocks(dir, last, false); err != nil {
		return nil, err
	}
	srv, err := startServer(ctx, dir, log)
	if err != nil {
		return nil, err
	}
	s := &store{server: srv}
	if err := s.connect(ctx, last); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func startServer(ctx context.Context, dir string, log *slog.Logger) (*server.Server, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName: "deployerd", DontListen: true, NoSigs: true, NoLog: true, NoSystemAccount: true,
		StoreDir: dir, SyncAlways: true, MaxPayload: maxPayload, DisableJetStreamBanner: true,
	})
	if err != nil {
		return nil, fmt.Errorf("make the embedded server: %w", err)
	}
	srv.SetLoggerV2(serverLog{log}, false, false, false)
	srv.Start()
	if !srv.ReadyForConnections(timeLeft(ctx)) {
		stop(srv)
		return nil, fmt.Errorf("start the embedded server: %w", context.DeadlineExceeded)
	}
	err = srv.EnableJetStream(&server.JetStreamConfig{
		StoreDir: dir, SyncAlways: true, MaxMemory: jetStreamMemory, MaxStore: jetStreamStore,
	})
	if err != nil {
		stop(srv)
		return nil, fmt.Errorf("open the store %s: %w", dir, err)
	}
	return srv, nil
}

// timeLeft is how long ctx lasts, at most a minute.
func timeLeft(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(time.Until(deadline), time.Minute)
	}
	return time.Minute
}

func (s *store) connect(ctx context.Context, last uint64) error {
	conn, err := nats.Connect("", nats.InProcessServer(s.server), nats.NoReconnect())
	if err != nil {
		return fmt.Errorf("connect to the embedded server: %w", err)
	}
	s.conn = conn
	if s.js, err = jetstream.New(conn); err != nil {
		return err
	}
	s.stream, err = s.js.Stream(ctx, streamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if last > 0 {
			return fmt.Errorf("the stream %s is missing or its description damaged, and there were %d messages", streamName, last)
		}
		s.stream, err = s.js.CreateStream(ctx, streamConfig)
	}
	if err != nil {
		return fmt.Errorf("open the stream %s: %w", streamName, err)
	}
	return nil
}

var streamConfig = jetstream.StreamConfig{
	Name:        streamName,
	Subjects:    []string{"audit.*"},
	Storage:     jetstream.FileStorage,
	Discard:     jetstream.DiscardNew,
	DenyDelete:  true,
	DenyPurge:   true,
	AllowDirect: true,
}

// subject is where a daemon's records go; a name may hold dots and blanks.
func subject(daemon string) string {
	return "audit." + base64.RawURLEncoding.EncodeToString([]byte(daemon))
}

// publish stores a message after the message last and returns when it is
// synced.
func (s *store) publish(ctx context.Context, daemon string, message []byte, last uint64) error {
	ack, err := s.js.Publish(ctx, subject(daemon), message,
		jetstream.WithExpectLastSequence(last), jetstream.WithRetryAttempts(0))
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return err
	}
	if ack.Sequence != last+1 {
		return fmt.Errorf("it was stored as message %d, not %d", ack.Sequence, last+1)
	}
	return nil
}

// message returns one message; the error is errGone when it is not there.
func (s *store) message(ctx context.Context, seq uint64) ([]byte, error) {
	m, err := s.stream.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, errGone
	}
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

var errGone = errors.New("it is missing or damaged")

// last returns a daemon's last message, nil when there is none.
func (s *store) last(ctx context.Context, daemon string) ([]byte, error) {
	m, err := s.stream.GetLastMsgForSubject(ctx, subject(daemon))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

// size returns the sequence of the last message and the bytes stored.
func (s *store) size(ctx context.Context) (last, bytes uint64, err error) {
	info, err := s.stream.Info(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("ask for the stream's size: %w", err)
	}
	return info.State.LastSeq, info.State.Bytes, nil
}

// close stops the server and waits for it.
func (s *store) close() {
	if s.conn != nil {
		s.conn.Close()
	}
	stop(s.server)
}

func stop(srv *server.Server) {
	srv.Shutdown()
	srv.WaitForShutdown()
}

// serverLog passes the server's warnings on.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l serverLog) Warnf(format string, v ...any)   { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l serverLog) Errorf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l serverLog) Fatalf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l serverLog) Debugf(string, ...any)           {}
func (l serverLog) Tracef(string, ...any)           {}
