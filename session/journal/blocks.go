package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The stream's files, as the file store of nats-server v2.15 writes them
// (server/filestore.go, writeMsgRecord): a frame for each message, little
// endian. The server trusts them: at a changed length it cuts off the rest of
// the file, and at a changed sequence it takes all memory there is. So they are
// looked at before it reads them.
const (
	blockFolder = "jetstream/$G/streams/" + streamName + "/msgs"
	indexFile   = "index.db" // the server's state of the blocks, to start faster

	frameHead    = 4 + 8 + 8 + 2 // length, sequence, time, length of the subject
	frameHeaders = 1 << 31       // in the length: there are headers
	frameSum     = 8             // at the end

	// ahead is how far a sequence may be beyond the last one known: after a
	// power cut the head may be old.
	ahead = 1 << 20
)

// checkBlocks checks the blocks that the server will read when it starts, or
// all. Messages up to last must be there and have their content; what follows
// may be torn. It changes nothing.
func checkBlocks(dir string, last uint64, all bool) error {
	files, err := blockFiles(filepath.Join(dir, blockFolder), all)
	if err != nil {
		return fmt.Errorf("look for blocks: %w", err)
	}
	next := uint64(0) // not known yet
	if all {
		next = 1
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var at int
		if next, at, err = checkBlock(b, next, last); err != nil {
			return fmt.Errorf("%s, byte %d: %w", file, at, err)
		}
	}
	if last > 0 && len(files) > 0 && next <= last {
		return fmt.Errorf("records are missing at the end: message %d is not there, and there were %d", max(next, 1), last)
	}
	return nil
}

// blockFiles lists the blocks in order: all, or the last and those that were
// written after the server kept its state.
func blockFiles(dir string, all bool) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	blocks := make(map[int]fs.DirEntry)
	var numbers []int
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".blk")
		if n, err := strconv.Atoi(name); ok && err == nil {
			numbers = append(numbers, n)
			blocks[n] = e
		}
	}
	slices.Sort(numbers)
	from, err := 0, error(nil)
	if !all {
		if from, err = firstUnkept(filepath.Join(dir, indexFile), numbers, blocks); err != nil {
			return nil, err
		}
	}
	var files []string
	for _, n := range numbers[from:] {
		files = append(files, filepath.Join(dir, blocks[n].Name()))
	}
	return files, nil
}

// firstUnkept is the place in numbers of the first block that was written
// after the index, at most that of the last block.
func firstUnkept(index string, numbers []int, blocks map[int]fs.DirEntry) (int, error) {
	kept, err := os.Stat(index)
	if errors.Is(err, fs.ErrNotExist) || len(numbers) == 0 {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for at, n := range numbers[:len(numbers)-1] {
		info, err := blocks[n].Info()
		if err != nil {
			return 0, err
		}
		if info.ModTime().After(kept.ModTime().Add(-time.Second)) {
			return at, nil
		}
	}
	return len(numbers) - 1, nil
}

// checkBlock checks the frames of a block whose first message is next (0: not
// known). It returns the message after them and, with an error, where it is.
func checkBlock(b []byte, next, last uint64) (after uint64, at int, err error) {
	for at < len(b) {
		seq, size, err := checkFrame(b[at:])
		if next == 0 {
			next = seq
		}
		if err == nil && seq != next {
			err = fmt.Errorf("message %d stands where %d belongs", seq, next)
		}
		if err == nil && seq > last+ahead {
			err = fmt.Errorf("message %d is beyond the last, %d", seq, last)
		}
		if err != nil && next > last && seq <= last+ahead {
			return next, at, nil // never acknowledged: the server cuts it off
		}
		if err != nil {
			return next, at, fmt.Errorf("message %d is damaged: %w", next, err)
		}
		at += size
		next++
	}
	return next, at, nil
}

// checkFrame checks one frame, at the start of b, and the records in it.
func checkFrame(b []byte) (seq uint64, size int, err error) {
	if len(b) < frameHead {
		return 0, 0, errors.New("it is cut off")
	}
	length := binary.LittleEndian.Uint32(b)
	seq = binary.LittleEndian.Uint64(b[4:])
	subject := int(binary.LittleEndian.Uint16(b[20:]))
	size = int(length &^ frameHeaders)
	if size > len(b) || size < frameHead+subject+4+frameSum {
		return seq, 0, errors.New("its length is wrong")
	}
	body := b[frameHead+subject : size-frameSum]
	if length&frameHeaders != 0 {
		headers := binary.LittleEndian.Uint32(body)
		if int64(headers) > int64(len(body)-4) {
			return seq, 0, errors.New("the length of its headers is wrong")
		}
		body = body[4+headers:]
	}
	all, err := lines(body)
	if err != nil {
		return seq, 0, err
	}
	return seq, size, checkSeals(all)
}

func checkSeals(all [][]byte) error {
	for _, line := range all {
		if err := checkSeal(line); err != nil {
			return err
		}
	}
	return nil
}
