package session

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/deployerd/deployerd/session/run"
)

// stamp begins every JSON line of an event.
type stamp struct {
	Time  time.Time `json:"time"`
	Event string    `json:"event"`
	Run   string    `json:"run,omitempty"`
}

func newStamp(event, run string, at time.Time) stamp {
	return stamp{Time: at.UTC(), Event: event, Run: run}
}

// The events' objects, as SHELL.md names their fields.
type (
	startedObject struct {
		stamp
		User   string   `json:"user"`
		Path   string   `json:"path"`
		Action string   `json:"action"`
		Args   []string `json:"args"`
		Hosts  []string `json:"hosts"`
	}
	hostStartedObject struct {
		stamp
		Host string `json:"host"`
	}
	outputObject struct {
		stamp
		Host   string  `json:"host"`
		Stream string  `json:"stream"`
		Data   *string `json:"data,omitempty"`
		Base64 []byte  `json:"data_base64,omitempty"`
	}
	hostFinishedObject struct {
		stamp
		Host     string     `json:"host"`
		Status   run.Status `json:"status"`
		ExitCode *int       `json:"exit_code,omitempty"`
		Seconds  float64    `json:"seconds"`
		Error    string     `json:"error,omitempty"`
	}
	batchObject struct {
		stamp
		Hosts  []string `json:"hosts"`
		OK     int      `json:"ok"`
		Failed int      `json:"failed"`
	}
	resultObject struct {
		stamp
		Host  string    `json:"host,omitempty"`
		Value jsonValue `json:"value"`
	}
	finishedObject struct {
		stamp
		Status      run.Status `json:"status"`
		ExitCode    *int       `json:"exit_code,omitempty"`
		Seconds     float64    `json:"seconds"`
		OK          int        `json:"ok"`
		Failed      int        `json:"failed"`
		Timeout     int        `json:"timeout"`
		Unreachable int        `json:"unreachable"`
		Cancelled   int        `json:"cancelled"`
		Skipped     int        `json:"skipped"`
		Unknown     int        `json:"unknown"`
	}
	errorObject struct {
		stamp
		Message  string `json:"message"`
		ExitCode *int   `json:"exit_code,omitempty"`
		Host     string `json:"host,omitempty"`
	}
	logObject struct {
		stamp
		Host string `json:"host,omitempty"`
		Text string `json:"text"`
	}
)

// seconds is a duration as JSON has it, to the millisecond.
func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond).Milliseconds()) / 1000
}

// jsonValue is a value of the tree's language; what JSON cannot say of it
// stands as its text.
type jsonValue struct{ v any }

// MarshalJSON never fails.
func (j jsonValue) MarshalJSON() ([]byte, error) {
	if text, err := encode(j.v); err == nil {
		return text, nil
	}
	return encode(fmt.Sprint(j.v))
}

// encode is json.Marshal without its care for HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

// field is one member of an object whose order is kept.
type field struct {
	name  string
	value any
}

// object is a JSON object in order.
type object []field

// MarshalJSON writes the fields in order.
func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, f := range o {
		if i > 0 {
			b = append(b, ',')
		}
		name, err := encode(f.name)
		if err != nil {
			return nil, err
		}
		value, err := encode(f.value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, name...), ':'), value...)
	}
	return append(b, '}'), nil
}

// list is a slice that is never null in JSON.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
