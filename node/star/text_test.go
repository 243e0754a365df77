package star_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/node/star"
)

func TestAByteOrderMarkAndCRLFAreNoErrors(t *testing.T) {
	t.Parallel()
	tree(t, "\ufeffdef f(env):\r\n    return 1\r\nroot = node(f = f)\r\n", star.Options{})
}

func TestDurationsAreThoseOfTheConfiguration(t *testing.T) {
	t.Parallel()
	var got []time.Duration
	record := func(name string, o host.SSHOptions) (host.Host, error) {
		got = append(got, o.ConnectTimeout)
		return hosttest.NewFake(name), nil
	}
	tree(t, `[ssh_host("h%d" % i, connect_timeout = d) for i, d in enumerate(["90d", "1h30m", "250ms", "1d12h"])]
root = node()`, star.Options{NewHost: record})
	want := []time.Duration{90 * 24 * time.Hour, 90 * time.Minute, 250 * time.Millisecond, 36 * time.Hour}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
