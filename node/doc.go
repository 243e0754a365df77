// Package node is the tree: types of nodes with attributes, properties,
// actions and children ([Type]), the places of a loaded tree ([Tree], [Node])
// with their hosts by role and their cells, and what an action sees while it
// runs ([Env], [Run]).
//
// It must not know sockets, SSH, users, Starlark or the journal. What it needs
// from above it names as interfaces: [Gate] and [Trace].
//
// # Ownership
//
// Types, trees, nodes and environments are immutable and may be used from any
// goroutine; a reload builds a new tree and a run keeps the one it started
// with. Slices that are handed out belong to the tree unless said otherwise:
// callers must not change them. No goroutine outlives the call that started
// it, and nothing has to be closed.
//
// # Units and bounds
//
// Times are [time.Duration]; numbers of cells and hosts are plain counts;
// steps are the language's own. A tree has at most [MaxNodes] nodes, nested at
// most [MaxNesting] deep, an array at most [MaxCells] cells, and calls nest at
// most [MaxDepth] deep.
//
// # Errors
//
// Building a tree gives every [DefinitionError] at once, joined. Following a
// path gives a [NotFoundError] or an [AttributeError], binding words to an
// action's parameters an [ArgumentError]. What happens inside an action comes
// as an [ActionError]; of a call that was split over cells it holds a
// [CellsError] with every cell's own.
package node
