package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/config"
	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/server"
	"github.com/deployerd/deployerd/session"
	"github.com/deployerd/deployerd/session/journal"
	"github.com/deployerd/deployerd/session/run"
)

// Bounds of the steps of a stop that follow the drain.
const (
	cancelRuns  = 6 * time.Second // a kill takes four at most
	endSessions = 5 * time.Second
	closeRest   = 5 * time.Second
	openState   = 30 * time.Second
)

// daemon is everything that one serve runs, wired together.
type daemon struct {
	file    string
	log     *slog.Logger
	lock    *stateLock
	pool    *host.Pool
	journal *journal.Journal
	engine  *run.Engine
	manager *session.Manager
	server  *server.Server
	admin   *server.Admin

	certificate atomic.Pointer[tls.Certificate] // telnet's; nil for none

	reloading sync.Mutex
	current   *config.Config // guarded by reloading
}

// newDaemon loads everything, takes the state and listens; it accepts nothing
// before run. On an error nothing stays open.
func newDaemon(ctx context.Context, file string) (d *daemon, err error) {
	d = &daemon{file: file, log: slog.Default()}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close(context.WithoutCancel(ctx)))
			d = nil
		}
	}()
	d.pool = host.NewPool(host.PoolOptions{})
	l, err := load(ctx, file, d.pool, d.log)
	if err != nil {
		return d, err
	}
	d.current = l.config
	d.certificate.Store(l.certificate)
	d.log = newLogger(l.config.Log)
	slog.SetDefault(d.log) // for libraries that log by themselves
	d.pool.Reconfigure(poolOptions(l.config, d.log))
	if err := d.openState(ctx, l.config.State); err != nil {
		return d, err
	}
	if err := d.open(l); err != nil {
		return d, &exitError{exitFailed, err}
	}
	return d, d.listen(l.config)
}

// openState takes the state's lock and opens the journal in it.
func (d *daemon) openState(ctx context.Context, state string) (err error) {
	if d.lock, err = lockState(state); err != nil {
		return &exitError{exitFailed, err}
	}
	ctx, cancel := context.WithTimeout(ctx, openState)
	defer cancel()
	name, err := os.Hostname()
	if err != nil {
		return &exitError{exitFailed, fmt.Errorf("read this machine's name: %w", err)}
	}
	d.journal, err = journal.Open(ctx, journal.Options{
		Dir: filepath.Join(state, "journal"), Daemon: name, Log: d.log,
	})
	if err != nil {
		return &exitError{exitFailed, err}
	}
	return nil
}

// open makes what lies between the journal and the doors.
func (d *daemon) open(l *loaded) error {
	d.engine = run.New(run.Options{
		Journal: d.journal, Log: d.log, PerUser: l.config.Limits.RunsPerUser,
	})
	d.engine.SetDefaults(l.state.Defaults)
	history := filepath.Join(l.config.State, "history")
	if err := os.MkdirAll(history, 0o700); err != nil {
		return fmt.Errorf("make the folder of histories: %w", err)
	}
	folders := filepath.Join(l.config.State, "users")
	if err := os.MkdirAll(folders, 0o700); err != nil {
		return fmt.Errorf("make the users' folders: %w", err)
	}
	d.manager = session.New(session.Options{
		State: l.state, Engine: d.engine, Journal: d.journal, Pool: d.pool, HistoryDir: history, FoldersDir: folders,
		Version: version(), Started: time.Now(), Reload: d.reload, Log: d.log,
	})
	return nil
}

// listen opens the doors' sockets.
func (d *daemon) listen(cfg *config.Config) error {
	keys, err := hostKeys(cfg)
	if err != nil {
		return &exitError{exitConfig, err}
	}
	listeners, err := listenAll(slices.Concat(cfg.SSH.Listen, cfg.Telnet.Listen))
	if err != nil {
		return &exitError{exitFailed, err}
	}
	ssh := len(cfg.SSH.Listen)
	doors, err := server.New(server.Options{
		Listeners: listeners[:ssh], HostKeys: keys, Banner: cfg.SSH.Banner, ProxyProtocol: cfg.SSH.ProxyProtocol,
		Telnet: listeners[ssh:], TelnetTLS: d.telnetTLS(),
		Limits: serverLimits(cfg), Manager: d.manager, Journal: d.journal,
		Guard: auth.NewGuard(nil, cfg.Limits.Exempt), Log: d.log,
	})
	if err != nil {
		return &exitError{exitConfig, errors.Join(err, closeAll(listeners))}
	}
	d.server = doors
	d.admin, err = server.NewAdmin(adminSocket(cfg.State), map[string]func(context.Context) (string, error){
		"reload": func(ctx context.Context) (string, error) { return "reloaded", d.reload(ctx) },
	}, d.log)
	if err != nil {
		return &exitError{exitFailed, err}
	}
	d.admin.Shells(d.manager, localName)
	return nil
}

// adminSocket is where the admin socket of a state is.
func adminSocket(state string) string {
	if dir := os.Getenv("RUNTIME_DIRECTORY"); dir != "" {
		return filepath.Join(dir, "admin.sock")
	}
	return filepath.Join(state, "admin.sock")
}

// run serves until ctx ends; stop is the caller's.
func (d *daemon) run(ctx context.Context) error {
	d.record("started", "")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, 2)
	go func() { errs <- d.server.Run(ctx) }()
	go func() { errs <- d.admin.Run(ctx) }()
	first := <-errs
	cancel()
	return errors.Join(first, <-errs)
}

func (d *daemon) record(status, text string) {
	err := d.journal.Append(journal.Record{Kind: journal.Daemon, Status: status, Text: text})
	if err != nil {
		d.log.Error("audit", "err", err)
	}
}

// reload swaps configuration and tree, or changes nothing and says why.
func (d *daemon) reload(ctx context.Context) error {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	l, err := load(ctx, d.file, d.pool, d.log)
	if err == nil {
		err = sameListening(d.current, l.config)
	}
	if err != nil {
		d.manager.ReloadFailed(err)
		d.recordReload("failed", err.Error())
		return err
	}
	d.swap(l)
	d.recordReload("ok", "")
	return nil
}

func (d *daemon) recordReload(status, text string) {
	d.log.Info("reload", "status", status, "err", text)
	if err := d.journal.Append(journal.Record{Kind: journal.Reload, Status: status, Text: text}); err != nil {
		d.log.Error("audit", "err", err)
	}
}

func (d *daemon) swap(l *loaded) {
	d.current = l.config
	d.certificate.Store(l.certificate)
	d.pool.Reconfigure(poolOptions(l.config, d.log))
	d.server.SetLimits(serverLimits(l.config))
	d.engine.SetDefaults(l.state.Defaults)
	d.manager.Swap(l.state)
}

// sameListening refuses a reload that changes what only a start can change:
// taking such a change and not acting on it would be a lie.
func sameListening(before, after *config.Config) error {
	changed := map[string]bool{
		"state":              before.State != after.State,
		"ssh.listen":         !slices.Equal(before.SSH.Listen, after.SSH.Listen),
		"ssh.host_keys":      !slices.Equal(before.SSH.HostKeys, after.SSH.HostKeys),
		"ssh.banner":         before.SSH.Banner != after.SSH.Banner,
		"ssh.proxy_protocol": !slices.Equal(before.SSH.ProxyProtocol, after.SSH.ProxyProtocol),
		"telnet.listen":      !slices.Equal(before.Telnet.Listen, after.Telnet.Listen),
		"telnet.tls":         (before.Telnet.Certificate == "") != (after.Telnet.Certificate == ""),
		"limits.exempt":      !slices.Equal(before.Limits.Exempt, after.Limits.Exempt),
		"log":                before.Log != after.Log,
	}
	var names []string
	for name, is := range changed {
		if is {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return &exitError{exitConfig, fmt.Errorf("%v changed, which needs a restart; nothing was reloaded", names)}
}

// stop ends the daemon as SHELL.md says: no new logins and runs, the runs have
// drain to end, then they are cancelled; sessions end with a word. When ctx
// ends (a second signal) nothing is waited for any more.
func (d *daemon) stop(ctx context.Context) error {
	d.server.Refuse()
	d.manager.Stop()
	d.reloading.Lock()
	drain := d.current.Runs.Drain
	d.reloading.Unlock()
	drained := d.drain(ctx, drain)
	ending, cancelEnd := context.WithTimeout(ctx, endSessions)
	defer cancelEnd()
	d.manager.End(ending)
	select {
	case <-drained: // the ends of the runs are on their way to the journal
	case <-ending.Done():
	}
	d.record("stopped", "")
	return d.close(ctx)
}

// drain lets runs end, and closes what it returns when all have. One that is cancelled and still does not end may be held
// by a client that does not read: what comes after it, the end of the sessions,
// lets go of it.
func (d *daemon) drain(ctx context.Context, patience time.Duration) <-chan struct{} {
	draining, cancel := context.WithTimeout(ctx, patience)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		defer cancel()
		d.engine.Drain(draining)
	}()
	<-draining.Done()
	late := time.NewTimer(cancelRuns)
	defer late.Stop()
	select {
	case <-drained:
	case <-late.C:
		d.log.Warn("runs do not end; ending their sessions")
	}
	return drained
}

// close closes whatever is open, doors first and the journal last.
func (d *daemon) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeRest)
	defer cancel()
	var errs []error
	if d.server != nil {
		errs = append(errs, d.server.Shutdown(ctx))
	}
	if d.admin != nil {
		errs = append(errs, d.admin.Shutdown(ctx))
	}
	if d.pool != nil {
		errs = append(errs, d.pool.Shutdown(ctx))
	}
	if d.journal != nil {
		errs = append(errs, d.journal.Close(ctx))
	}
	if d.lock != nil {
		errs = append(errs, d.lock.release())
	}
	return errors.Join(errs...)
}
