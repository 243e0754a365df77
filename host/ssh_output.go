package host

import (
	"io"
	"sync"
	"sync/atomic"
)

// Reads start small, for most streams stay empty and thousands may be open; a
// stream that fills its buffer gets a large one.
var (
	smallBuffers = sync.Pool{New: func() any { b := make([]byte, 1<<10); return &b }}
	largeBuffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}
)

// sshOutput is a stream's writer that can be cut off: once cut has returned
// nothing is written any more. A nil w discards.
type sshOutput struct {
	mu      sync.Mutex
	w       io.Writer
	off     bool
	writing atomic.Bool
}

func (o *sshOutput) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.off {
		return 0, errCut
	}
	if o.w == nil {
		return len(b), nil
	}
	o.writing.Store(true)
	defer o.writing.Store(false)
	return o.w.Write(b)
}

func (o *sshOutput) cut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.off = true
}

// copy copies until the end of src. After a failed write it goes on reading,
// so that the process is not held back by a reader that is gone.
func (o *sshOutput) copy(src io.Reader, moved *atomic.Int64) {
	pool := &smallBuffers
	buf := pool.Get().(*[]byte)
	defer func() { pool.Put(buf) }()
	var failed error
	for {
		n, err := src.Read(*buf)
		moved.Add(1)
		if n > 0 && failed == nil {
			_, failed = o.Write((*buf)[:n])
		}
		if err != nil {
			return
		}
		if n == len(*buf) && pool == &smallBuffers {
			pool.Put(buf)
			pool = &largeBuffers
			buf = pool.Get().(*[]byte)
		}
	}
}
