package star

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

// Options say what to load and what its hosts are made with.
type Options struct {
	// File is the entry file. Its folder is the tree's: loads cannot leave
	// it, and a relative identity_file is relative to it. If File is a
	// symbolic link, the folder of the file it leads to counts.
	File string
	// Pool makes the SSH hosts. It is not used before an action runs.
	Pool *host.Pool
	// Outbound are the defaults that an ssh_host's own arguments override.
	Outbound host.SSHOptions
	// SSHConfig is what OpenSSH would be told of the hosts, over Outbound; nil:
	// nothing.
	SSHConfig *host.SSHConfig
	// NewHost makes the SSH hosts instead of Pool; nil: Pool.SSH.
	NewHost func(name string, o host.SSHOptions) (host.Host, error)
	// Secrets reads a secret when it is used, possibly from several goroutines
	// at once; nil: there are none.
	Secrets func(name string) ([]byte, error)
	// Log gets what the tree prints while it loads; nil discards.
	Log *slog.Logger
}

// Bounds of one load.
const (
	maxFileSize = 1 << 20    // bytes in a file
	maxFiles    = 1000       // files in a tree
	maxSteps    = 20_000_000 // Starlark steps over all files
)

// Load reads a tree: the entry file and all that it loads. It opens no
// connection and runs no command. The error is a *LoadError with everything
// that is wrong, or says that ctx has ended.
func Load(ctx context.Context, o Options) (*node.Tree, error) {
	l, err := newLoader(o)
	if err != nil {
		return nil, &LoadError{Problems: []Problem{{File: o.File, Text: err.Error()}}}
	}
	defer l.root.Close()
	tree := l.load(ctx)
	l.watch.loader, l.watch.thread = nil, nil
	if ctx.Err() != nil {
		return nil, fmt.Errorf("load %s: %w", o.File, context.Cause(ctx))
	}
	if len(l.problems) > 0 {
		return nil, &LoadError{Problems: l.problems}
	}
	return tree, nil
}

// module is one file of the tree. Its name is relative to the tree's folder.
type module struct {
	name    string
	source  string
	program *starlark.Program
	names   starlark.StringDict // its globals, once it has run
	exports map[string]bool     // the names it defines
	root    place               // where it defines root
}

// loader is one load. It is used by one goroutine.
type loader struct {
	options  Options
	log      *slog.Logger
	root     *os.Root
	entry    string // the entry file's name in root
	folder   string // the tree's folder, absolute
	shown    string // the folder as problems name it
	modules  map[string]*module
	order    []*module // each after those that it loads
	calls    map[place3]callSite
	held     []starlark.Value // the members of types, frozen at the end
	problems []Problem
	// onTheSpot says that it loads nothing, and makes one type in an action.
	onTheSpot bool
	steps     uint64
	texts     map[string]string // what file() has read, by name
	newLocal  func(name string) (host.Host, error)
	hosts     map[string]host.SSHOptions // by name; complete and unchanged once it is loaded
	catalog   *catalog
	watch     *queryWatch
	// comparisons are the operators that compare, by their place.
	comparisons map[place3]string
	index       *sourceIndex
}

// place3 is a place in a file of the tree.
type place3 struct {
	file string
	place
}

func newLoader(o Options) (*loader, error) {
	file, err := filepath.EvalSymlinks(o.File)
	if err != nil {
		return nil, withHint("tree: in deployerd.yaml names the entry file", "%s", reason(err))
	}
	folder, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, errors.New(reason(err))
	}
	l := &loader{
		options: o, log: o.Log, root: root, entry: filepath.Base(file), folder: folder, shown: filepath.Dir(file),
		hosts:   map[string]host.SSHOptions{},
		modules: map[string]*module{}, calls: map[place3]callSite{}, texts: map[string]string{},
		catalog: &catalog{sources: map[string][]string{}, origins: map[any]starlark.Value{}, secrets: o.Secrets, folder: folder, named: new(sync.Map)},
	}
	l.catalog.typeNames, l.comparisons = map[node.Position]string{}, map[place3]string{}
	l.watch, l.index = &queryWatch{loader: l}, newSourceIndex(l.catalog.sources)
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	l.newLocal = func(name string) (host.Host, error) { return host.NewLocal(name, nil) }
	if o.NewHost == nil && o.Pool == nil {
		l.options.NewHost = noPool
	} else if o.NewHost == nil {
		l.options.NewHost = o.Pool.SSH
	}
	return l, nil
}

func noPool(string, host.SSHOptions) (host.Host, error) {
	return nil, errors.New("there is no connection pool to make SSH hosts with")
}

// load reads all files, runs them in order and builds the tree; what is wrong
// gathers in l.problems.
func (l *loader) load(ctx context.Context) *node.Tree {
	entry := l.read(l.entry, nil, syntax.Position{})
	if len(l.problems) > 0 {
		return nil
	}
	for _, m := range l.order {
		if !l.run(ctx, m) {
			return nil
		}
	}
	root := l.rootType(entry)
	if root == nil || len(l.problems) > 0 {
		return nil
	}
	if !l.freeze(l.held) {
		return nil
	}
	tree, err := node.NewTree(root.t, l.version())
	l.definition(err, root.t.Pos())
	if tree != nil {
		tree.SetSources(l.index.source)
	}
	return tree
}

// read reads and binds a file and all that it loads. chain are the files whose
// loads led here, outermost first; pos is where the last of them says so.
func (l *loader) read(name string, chain []string, pos syntax.Position) *module {
	if at := slices.Index(chain, name); at >= 0 {
		cycle := append(slices.Clone(chain[at:]), name)
		l.problem(pos, withHint("move what both need into a third file", "load cycle: %s", strings.Join(cycle, " → ")))
		return nil
	}
	if m, ok := l.modules[name]; ok {
		return m
	}
	source, err := l.source(name)
	if err != nil {
		l.unread(name, pos, err)
		return nil
	}
	m := &module{name: name, source: source}
	l.modules[name] = m
	l.catalog.sources[name] = splitLines(source)
	l.bind(m, append(slices.Clone(chain), name))
	l.order = append(l.order, m)
	return m
}

// unread tells why a file could not be read: at the load that asks for it, or
// for the entry file at the file.
func (l *loader) unread(name string, pos syntax.Position, err error) {
	if pos.IsValid() {
		text, hint := l.nearFile(name, err)
		l.problem(pos, withHint(hint, "load %s: %s", name, text))
		return
	}
	text, hint := textAndHint(err)
	l.add(Problem{File: filepath.Join(l.shown, name), Text: text, Hint: hint})
}

// source returns a file's text.
func (l *loader) source(name string) (string, error) {
	if len(l.modules) >= maxFiles {
		return "", fmt.Errorf("a tree has at most %d files", maxFiles)
	}
	f, err := l.open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	switch {
	case err != nil:
		return "", errors.New(reason(err))
	case len(data) > maxFileSize:
		return "", fmt.Errorf("the file is larger than %d bytes", maxFileSize)
	}
	return strings.TrimPrefix(string(data), "\ufeff"), nil // a byte order mark
}

// open opens a file of the tree's folder that only its owners may change.
func (l *loader) open(name string) (*os.File, error) {
	info, err := l.root.Stat(filepath.FromSlash(name))
	switch {
	case err != nil:
		return nil, errors.New(reason(err))
	case !info.Mode().IsRegular():
		return nil, errors.New("not a file")
	case info.Mode().Perm()&0o002 != 0:
		return nil, errors.New("everybody may write to it, and so to every host of the tree: chmod o-w")
	}
	f, err := l.root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, errors.New(reason(err))
	}
	return f, nil
}

// reason is a file error without the system call and the path in front.
func reason(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// bind parses a file, reads what it loads, and compiles it.
func (l *loader) bind(m *module, chain []string) {
	p := parse(m.name, m.source)
	for _, part := range p.parts {
		l.indexCalls(part)
		l.indexQueries(part)
		l.index.add(part)
		for _, s := range part.Stmts {
			if load, ok := s.(*syntax.LoadStmt); ok {
				l.follow(m, load, chain)
			}
		}
	}
	if p.file != nil {
		var found []finding
		m.program, found = p.bind(predeclared())
		p.findings = append(p.findings, found...)
		m.exports, m.root = exports(p.file), definedAt(p.file, "root")
	}
	slices.SortStableFunc(p.findings, func(a, b finding) int { return a.at.line - b.at.line })
	for _, f := range p.findings {
		l.found(m.name, f)
	}
}

// follow reads the file that a load names, and checks the names it asks for.
func (l *loader) follow(m *module, s *syntax.LoadStmt, chain []string) {
	pos := s.Module.TokenPos
	name, err := loadPath(m.name, s.ModuleName())
	if err != nil {
		l.problem(pos, err)
		return
	}
	loaded := l.read(name, chain, pos)
	if loaded == nil || loaded.program == nil {
		return
	}
	for _, id := range s.From {
		if len(l.problems) > maxProblems {
			return
		}
		if !loaded.exports[id.Name] && !strings.HasPrefix(id.Name, "_") {
			names := slices.Sorted(maps.Keys(loaded.exports))
			l.problem(id.NamePos, withHint(didYouMean(id.Name, names), "%s does not define %s", name, id.Name))
		}
	}
}

// loadPath turns what a load says into a name in the tree's folder.
func loadPath(from, name string) (string, error) {
	switch {
	case strings.HasPrefix(name, "contrib:"):
		return "", notYet("the library (" + name + ")")
	case name == "" || strings.ContainsAny(name, "\x00\\"):
		return "", fmt.Errorf("load: %q is not the name of a file", name)
	case path.IsAbs(name):
		return "", withHint("name it relative to this file", "load: %s is absolute", name)
	}
	joined := path.Join(path.Dir(from), name)
	if joined == ".." || strings.HasPrefix(joined, "../") {
		return "", fmt.Errorf("load: %s leaves the tree's folder", name)
	}
	return joined, nil
}

// version names the content of all files.
func (l *loader) version() string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(l.modules)) {
		source := l.modules[name].source
		fmt.Fprintf(sum, "%d %s %d\n%s", len(name), name, len(source), source)
	}
	for _, name := range slices.Sorted(maps.Keys(l.texts)) {
		fmt.Fprintf(sum, "file %d %s %d\n%s", len(name), name, len(l.texts[name]), l.texts[name])
	}
	return hex.EncodeToString(sum.Sum(nil))[:12]
}
