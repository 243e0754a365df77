package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ErrNoJournal says that a record could not be written and synced in time, so
// what it was for must not happen.
var ErrNoJournal = errors.New("the journal cannot be written")

// errClosed is why nothing can be written after Close.
var errClosed = errors.New("it is closed")

// Options make a Journal; zero values take the defaults named.
type Options struct {
	Dir      string        // the folder it owns; made with mode 0700
	Daemon   string        // names this daemon in its records; "deployerd"
	Deadline time.Duration // 2 s: for a synced write
	Log      *slog.Logger  // nil discards
}

func (o Options) withDefaults() Options {
	if o.Daemon == "" {
		o.Daemon = "deployerd"
	}
	if o.Deadline <= 0 {
		o.Deadline = 2 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Log = o.Log.With("component", "journal")
	return o
}

// Journal is an open journal. Safe for concurrent use.
type Journal struct {
	o     Options
	lock  *os.File
	head  *headFile
	queue *queue

	// halt ends the writer although the queue is not empty; stopped is closed
	// when it has ended.
	halt    chan struct{}
	stopped chan struct{}
	close   sync.Once
	closed  error

	mu    sync.Mutex
	store *store // nil while it is broken
	end   position
	bytes uint64
	err   error
}

// position is the end of the chain.
type position struct {
	messages uint64 // sequence of the stream's last message
	record   uint64 // Seq of this daemon's last record
	hash     string // its Hash
}

// Open opens or makes the journal and finds the end of the chain. ctx bounds
// opening only. It fails when another process has it open (the error names its
// pid), and when the end of the chain is not where it was left.
func Open(ctx context.Context, o Options) (*Journal, error) {
	o = o.withDefaults()
	if err := makeFolder(o.Dir); err != nil {
		return nil, fmt.Errorf("open journal %s: %w", o.Dir, err)
	}
	lock, err := lockFolder(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open journal %s: %w", o.Dir, err)
	}
	j := &Journal{
		o: o, lock: lock, queue: newQueue(),
		halt: make(chan struct{}), stopped: make(chan struct{}),
	}
	if err := j.load(ctx); err != nil {
		j.release()
		return nil, fmt.Errorf("open journal %s: %w", o.Dir, err)
	}
	go j.write()
	return j, nil
}

func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("its mode is %#o: others than the owner can get in (chmod 700 %s)", mode, dir)
	}
	return nil
}

// load opens head and store and finds the end of the chain.
func (j *Journal) load(ctx context.Context) error {
	head, last, err := openHead(filepath.Join(j.o.Dir, "head"), j.storeDir())
	if err != nil {
		return err
	}
	j.head = head
	j.store, err = openStore(ctx, j.storeDir(), last.messages, j.o.Log)
	if err != nil {
		return err
	}
	j.end, j.bytes, err = findEnd(ctx, j.store, j.o.Daemon, last)
	return err
}

func (j *Journal) storeDir() string { return filepath.Join(j.o.Dir, "audit") }

// release lets go of what load and Open took.
func (j *Journal) release() error {
	if j.store != nil {
		j.store.close()
		j.store = nil
	}
	var err error
	if j.head != nil {
		err = j.head.close()
	}
	return errors.Join(err, j.lock.Close())
}

// State is what status shows.
type State struct {
	Records uint64 // of this daemon
	Bytes   uint64 // of all, as they are stored
	Err     error  // why writing fails now; nil when the last write was good
}

// State returns the journal's state. It does not wait.
func (j *Journal) State() State {
	j.mu.Lock()
	defer j.mu.Unlock()
	return State{Records: j.end.record, Bytes: j.bytes, Err: j.err}
}

// Close flushes until ctx ends, and closes. Idempotent: a later call returns
// what the first did. The error says how many records were not written.
func (j *Journal) Close(ctx context.Context) error {
	j.close.Do(func() { j.closed = j.shut(ctx) })
	return j.closed
}

func (j *Journal) shut(ctx context.Context) error {
	flushed := j.Flush(ctx)
	j.queue.close()
	close(j.halt)
	<-j.stopped
	lost := j.queue.fail(fmt.Errorf("%w: %w", ErrNoJournal, errClosed))
	if err := j.release(); err != nil {
		return fmt.Errorf("close journal: %w", err)
	}
	if lost > 0 {
		return fmt.Errorf("close journal: %d records were not written: %w", lost, flushed)
	}
	return nil
}
