// Package journal keeps what happened: the audit, chained and synced, on
// JetStream embedded in the process.
//
// Each record is one JSON line. Its member hash is the SHA-256 (hex) of the
// line without that member, prev is the hash of the record before of the same
// daemon, and seq counts that daemon's records from 1, so a changed, missing or
// moved record shows ([Journal.Verify]). A file beside the stream says where
// the chain ended, so a cut-off end shows too.
//
// A write is acknowledged when its bytes are synced. JetStream answers nothing
// when the disk is full or broken, so the deadline is this package's own; what
// became of a write without an answer is found out before the next one.
//
// It must not know who draws it or who may read it.
package journal
