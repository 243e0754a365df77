package session

import (
	"unicode/utf8"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/session/run"
)

// jsonScreen writes events as JSON lines.
type jsonScreen struct {
	out  *output
	torn map[streamKey][]byte // the first bytes of a character whose rest has not come
}

func (j *jsonScreen) event(e run.Event) error {
	at := newStamp(e.Kind, e.Run, e.Time)
	switch e.Kind {
	case "run_started":
		return j.out.object(startedObject{at, e.User, e.Path, e.Action, list(e.Args), list(e.Hosts)})
	case "host_started":
		return j.out.object(hostStartedObject{at, e.Host})
	case "output":
		return j.output(at, e)
	case "host_finished":
		if err := j.flush(e); err != nil {
			return err
		}
		return j.out.object(hostFinishedObject{at, e.Host, e.Status, e.ExitCode, seconds(e.Elapsed), errorText(e.Err)})
	case "batch_finished":
		return j.out.object(batchObject{at, list(e.Hosts), e.Counts[run.OK], e.Counts[run.Failed]})
	case "result":
		return j.out.object(resultObject{at, e.Host, jsonValue{e.Value}})
	case "log":
		return j.out.object(logObject{at, e.Host, e.Text})
	case "error":
		return j.out.object(errorObject{stamp: at, Message: e.Text, ExitCode: e.ExitCode, Host: e.Host})
	case "run_finished":
		return j.finish(at, e)
	}
	return nil
}

func (j *jsonScreen) finish(at stamp, e run.Event) error {
	for key := range j.torn {
		if err := j.flush(run.Event{Time: e.Time, Run: e.Run, Host: key.host}); err != nil {
			return err
		}
	}
	return j.out.object(finishedObject{
		stamp: at, Status: e.Status, ExitCode: e.ExitCode, Seconds: seconds(e.Elapsed),
		OK: e.Counts[run.OK], Failed: e.Counts[run.Failed], Timeout: e.Counts[run.Timeout],
		Unreachable: e.Counts[run.Unreachable], Cancelled: e.Counts[run.Cancelled],
		Skipped: e.Counts[run.Skipped], Unknown: e.Counts[run.Unknown],
	})
}

// output writes what came, keeping back a character that is not whole yet.
func (j *jsonScreen) output(at stamp, e run.Event) error {
	key := streamKey{e.Host, e.Stream}
	data := e.Data
	if kept := j.torn[key]; len(kept) > 0 {
		data = append(kept, data...)
	}
	n := wholeCharacters(data)
	rest := append([]byte(nil), data[n:]...)
	if err := j.data(at, key, data[:n]); err != nil {
		return err
	}
	j.torn[key] = rest
	return nil
}

func (j *jsonScreen) data(at stamp, key streamKey, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	o := outputObject{stamp: at, Host: key.host, Stream: key.stream.String()}
	if utf8.Valid(data) {
		text := string(data)
		o.Data = &text
	} else {
		o.Base64 = data
	}
	return j.out.object(o)
}

// flush writes what was kept back of a host that has ended.
func (j *jsonScreen) flush(e run.Event) error {
	for _, stream := range []host.Stream{host.Stdout, host.Stderr} {
		key := streamKey{e.Host, stream}
		data := j.torn[key]
		delete(j.torn, key)
		if err := j.data(newStamp("output", e.Run, e.Time), key, data); err != nil {
			return err
		}
	}
	return nil
}

// wholeCharacters is how many bytes stand before a character that is torn at
// the end.
func wholeCharacters(data []byte) int {
	for back := 1; back < utf8.UTFMax && back <= len(data); back++ {
		if tail := data[len(data)-back:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return len(data) - back
			}
			break
		}
	}
	return len(data)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
