package session

import (
	"encoding/json"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/session/run"
)

var (
	anyTime    = regexp.MustCompile(`"(time|started)":"[^"]+Z"`)
	anyRun     = regexp.MustCompile(`"run":"[a-z0-9]+"`)
	anySeconds = regexp.MustCompile(`"seconds":[0-9.]+`)
	anyCount   = regexp.MustCompile(`"(records|bytes)":[0-9]+`)
)

func settleJSON(text string) string {
	text = anyTime.ReplaceAllString(text, `"$1":"T"`)
	text = anyRun.ReplaceAllString(text, `"run":"ID"`)
	text = anySeconds.ReplaceAllString(text, `"seconds":S`)
	return anyCount.ReplaceAllString(text, `"$1":N`)
}

func TestJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fakes["web1"].Default(hosttest.Answer{Stdout: "grü\x1b\u202e<\n"})
	w.fakes["web2"].Default(hosttest.Answer{Stderr: "\xff\x00", Code: 3})
	const zero = `"ok":0,"failed":0,"timeout":0,"unreachable":0,"cancelled":0,"skipped":0,"unknown":0}`
	// What two hosts say comes in any order.
	batch := regexp.MustCompile(`(?s)\{[^\n]*"event":"(host_started|output)".*(\{[^\n]*"event":"batch_finished"[^\n]*\})`)
	for _, c := range []struct {
		line, want string
		code       int
	}{
		{line: "pwd --json", want: `{"path":"/"}`},
		{line: "--json whoami", want: `{"user":"alice","roles":["admin"],"from":"10.0.0.9","method":"publickey"}`},
		{line: "ls --json production", want: `[{"path":"/production/web","kind":"array","group":"production","doc":"The web servers.\nAll of them."},{"path":"/production/db","kind":"node","group":"production","doc":""}]`},
		{line: "find --json nothing", want: `[]`},
		{line: "can --json /production/db", want: `[{"path":"/production/db","verbs":["see","run","shell","sudo","admin"]}]`},
		{line: "hosts --json db*", want: `[{"name":"db1","address":"db1.fake","state":"closed","nodes":["/production/db"]}]`},
		{line: "status --json", want: `{"version":"1.2.3","started":"T","sessions":{"count":1,"users":{"alice":1}},"runs":[],"pool":{"connections":0,"channels":0,"dialling":0},"journal":{"records":N,"bytes":N},"reload":{"time":"T"}}`},
		{line: "--json --inspect production.web", want: `{"path":"/production/web","kind":"array","doc":"The web servers.\nAll of them.","group":"production","hosts":{"host":["web1","web2","web3"]},` +
			`"attributes":{"port":80,"url":"http://x/<y>","broken":"error: production.web broken: no such thing"},"children":[],"actions":[` +
			`{"name":"deploy","doc":"Deploy a version.\nMore.","parameters":[{"name":"version","kind":"positional","default":"v0"},{"name":"force","kind":"positional","default":false}],"aliases":[]},` +
			`{"name":"version","doc":"Tell the version.","parameters":[],"aliases":[]},{"name":"logs","doc":"","parameters":[],"aliases":[]},{"name":"broke","doc":"","parameters":[],"aliases":[]}],"defined":"tree.star:7"}`},
		{line: "--json --inspect production.web.port", want: `{"path":"/production/web","kind":"attribute","name":"port","value":80,"defined":"tree.star:1"}`},
		{line: "--json --inspect production.web.url", want: `{"path":"/production/web","kind":"property","name":"url","value":"http://x/<y>","doc":"","defined":"tree.star:1"}`},
		{line: "--json --inspect staging.where", want: `{"path":"/staging","kind":"query","name":"where","value":"st-1","query":"Q.parent.name + \"-1\"","trace":[{"text":"Q","value":"/staging"},{"text":"Q.parent.name + \"-1\"","value":"st-1"}],"defined":"tree.star:1"}`},
		{line: "--json --inspect staging.lost", want: `{"path":"/staging","kind":"query","name":"lost","value":"error: staging lost: query Q.x: no x","query":"Q.x","trace":[{"text":"Q","value":"/staging"}],"defined":"tree.star:1"}`},
		{line: "--json --inspect staging deploy", want: `{"path":"/staging/deploy","kind":"action","group":"staging","hosts":{"host":["st1"]},"name":"deploy","doc":"Deploy a version.\nMore.",` +
			`"parameters":[{"name":"version","kind":"positional","default":"v0"},{"name":"force","kind":"positional","default":false}],"aliases":[],"defined":"tree.star:3"}`},
		{line: "--json prodution", code: 127, want: `{"time":"T","event":"error","message":"prodution: no such node or action here; did you mean production?","exit_code":127}`},
		{line: "--frks 2 --json noop", code: 2, want: `{"time":"T","event":"error","message":"--frks: no such option; did you mean --forks?","exit_code":2}`},
		{line: "--json answer", want: `{"time":"T","event":"run_started","run":"ID","user":"alice","path":"/","action":"answer","args":[],"hosts":[]}
{"time":"T","event":"result","run":"ID","value":42}
{"time":"T","event":"run_finished","run":"ID","status":"ok","exit_code":0,"seconds":S,` + zero},
		{line: "--json production.web:web1 logs", want: `{"time":"T","event":"run_started","run":"ID","user":"alice","path":"/production/web:web1","action":"logs","args":[],"hosts":["web1"]}
{"time":"T","event":"host_started","run":"ID","host":"web1"}
{"time":"T","event":"log","run":"ID","host":"web1","text":"one\ntwo \u001b]0;title\u0007"}
{"time":"T","event":"host_finished","run":"ID","host":"web1","status":"ok","exit_code":0,"seconds":S}
{"time":"T","event":"run_finished","run":"ID","status":"ok","exit_code":0,"seconds":S,` + strings.Replace(zero, `"ok":0`, `"ok":1`, 1)},
		{line: "--json --run production.web:web1 -- x y", want: `{"time":"T","event":"run_started","run":"ID","user":"alice","path":"/production/web:web1","action":"--run","args":["x y"],"hosts":["web1"]}
{"time":"T","event":"host_started","run":"ID","host":"web1"}
{"time":"T","event":"output","run":"ID","host":"web1","stream":"stdout","data":"grü\u001b\u202e<\n"}
{"time":"T","event":"host_finished","run":"ID","host":"web1","status":"ok","exit_code":0,"seconds":S}
{"time":"T","event":"run_finished","run":"ID","status":"ok","exit_code":0,"seconds":S,` + strings.Replace(zero, `"ok":0`, `"ok":1`, 1)},
		{line: "--json --run production.web:web2 -- x", code: 3, want: `{"time":"T","event":"run_started","run":"ID","user":"alice","path":"/production/web:web2","action":"--run","args":["x"],"hosts":["web2"]}
{"time":"T","event":"host_started","run":"ID","host":"web2"}
{"time":"T","event":"output","run":"ID","host":"web2","stream":"stderr","data_base64":"/wA="}
{"time":"T","event":"host_finished","run":"ID","host":"web2","status":"failed","exit_code":3,"seconds":S,"error":"web2: exit status 3"}
{"time":"T","event":"run_finished","run":"ID","status":"failed","exit_code":3,"seconds":S,` + strings.Replace(zero, `"failed":0`, `"failed":1`, 1)},
		{line: "--json --serial 2,100% --run production.web -- x", code: 1, want: `{"time":"T","event":"run_started","run":"ID","user":"alice","path":"/production/web","action":"--run","args":["x"],"hosts":["web1","web2","web3"]}
BATCH
{"time":"T","event":"host_finished","run":"ID","host":"web3","status":"skipped","seconds":S,"error":"1 of 3 failed, more than max_fail 0 allows"}
{"time":"T","event":"run_finished","run":"ID","status":"failed","exit_code":1,"seconds":S,"ok":1,"failed":1,"timeout":0,"unreachable":0,"cancelled":0,"skipped":1,"unknown":0}`},
	} {
		out, errs, code := w.exec(t, "alice", c.line, "")
		if strings.Contains(c.want, "BATCH") {
			out = batch.ReplaceAllString(out, "$2")
			c.want = strings.Replace(c.want, "BATCH", `{"time":"T","event":"batch_finished","run":"ID","hosts":["web1","web2"],"ok":1,"failed":1}`, 1)
		}
		if diff := cmp.Diff(c.want+"\n", settleJSON(out)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.line, diff)
		}
		if errs != "" || code != c.code {
			t.Errorf("%s: %d, and on standard error %q", c.line, code, errs)
		}
		for line := range strings.Lines(out) {
			if !json.Valid([]byte(line)) {
				t.Errorf("%s: no JSON: %s", c.line, line)
			}
		}
	}
}

func TestValuesThatJSONCannotSay(t *testing.T) {
	t.Parallel()
	for want, value := range map[string]any{
		`"NaN"`: math.NaN(), `"+Inf"`: math.Inf(1), `null`: nil, `"a<b>"`: "a<b>", `"(1+2i)"`: 1 + 2i, `[1,"x"]`: []any{1, "x"},
	} {
		got, err := appendJSON(nil, object{{"v", jsonValue{value}}})
		if err != nil || string(got) != `{"v":`+want+"}\n" {
			t.Errorf("%v: %s %v", value, got, err)
		}
	}
}

// A character that comes in two pieces is one character.
func TestTornCharactersAreJoined(t *testing.T) {
	t.Parallel()
	var on received
	j := &jsonScreen{out: newOutput(t.Context(), on.io("")), torn: make(map[streamKey][]byte)}
	whole := "aü世\U0001F600b\xe4\xb8"
	for i := range len(whole) {
		if err := j.event(run.Event{Kind: "output", Host: "web1", Stream: 1, Data: []byte(whole[i : i+1])}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.event(run.Event{Kind: "host_finished", Host: "web1"}); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for line := range strings.Lines(on.out.String()) {
		var o struct {
			Data   string `json:"data"`
			Base64 []byte `json:"data_base64"`
		}
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err)
		}
		text.WriteString(o.Data + string(o.Base64))
	}
	if text.String() != whole || strings.Count(on.out.String(), "base64") != 1 {
		t.Errorf("%q from\n%s", text.String(), on.out.String())
	}
}
