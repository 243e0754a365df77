package server

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// A living shell at the admin socket speaks in frames, after the request and
// its answer: a byte that says what it is, the length of the body in two bytes,
// big-endian, and the body.
const (
	frameInput  = 'i' // client: what is typed
	frameSize   = 's' // client: the window's columns and rows, four bytes each
	frameOutput = 'o' // daemon: what is shown
	frameExit   = 'x' // daemon: the exit code in four bytes; the last one

	frameHeader = 3
	maxFrame    = 16 << 10 // bytes of a body
)

// readFrame reads a frame. The end between two frames is io.EOF.
func readFrame(r io.Reader) (kind byte, body []byte, err error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	n := int(binary.BigEndian.Uint16(header[1:]))
	if n > maxFrame {
		return 0, nil, fmt.Errorf("frame %q: %d bytes, at most %d are allowed", header[0], n, maxFrame)
	}
	body = make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, fmt.Errorf("frame %q: %w", header[0], noEOF(err))
	}
	return header[0], body, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// writeFrames sends p in frames of one kind, and returns how much of it left.
func writeFrames(w io.Writer, kind byte, p []byte) (n int, err error) {
	for body := range slices.Chunk(p, maxFrame) {
		if err := writeFrame(w, kind, body); err != nil {
			return n, err
		}
		n += len(body)
	}
	return n, nil
}

func writeFrame(w io.Writer, kind byte, body []byte) error {
	frame := make([]byte, 0, frameHeader+len(body))
	frame = append(frame, kind)
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(body)))
	_, err := w.Write(append(frame, body...))
	return err
}

func writeSize(w io.Writer, columns, rows uint32) error {
	body := binary.BigEndian.AppendUint32(nil, columns)
	return writeFrame(w, frameSize, binary.BigEndian.AppendUint32(body, rows))
}

func parseSize(body []byte) (columns, rows uint32, err error) {
	if len(body) != 8 {
		return 0, 0, fmt.Errorf("frame %q: %d bytes, want 8", frameSize, len(body))
	}
	return binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:]), nil
}

func writeExit(w io.Writer, code int) error {
	return writeFrame(w, frameExit, binary.BigEndian.AppendUint32(nil, uint32(code)))
}

func parseExit(body []byte) (int, error) {
	if len(body) != 4 {
		return 0, fmt.Errorf("frame %q: %d bytes, want 4", frameExit, len(body))
	}
	return int(int32(binary.BigEndian.Uint32(body))), nil
}
