package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deployerd/deployerd/config"
	"github.com/deployerd/deployerd/node/star"
)

func newTest() *cobra.Command {
	c := &cobra.Command{
		Use:   "test [TREE...]",
		Short: "Run the tests of a tree, on hosts that only play",
		Long: "Run the functions test_* of the files *_test.star in and below a tree's folder, each with\n" +
			"the tree loaded anew and hosts that run nothing: they answer as the test has told them.\n" +
			"Without a TREE, which is an entry file, that of the configuration.\n\n" +
			"  def test_deploy(t):\n" +
			"      t.host(\"web1\").answers(\"uname -s\", stdout = \"Linux\\n\")\n" +
			"      t.equal(t.run(\"/production/web\", \"system\"), \"Linux\")\n" +
			"      t.equal(t.commands(\"web1\"), [\"uname -s\"])",
		Example: "  deployerd test tree.star\n  deployerd test --config ./deployerd.yaml --run deploy",
	}
	file := configFlag(c)
	match := c.Flags().String("run", "", "only tests whose name fits this `pattern`")
	verbose := c.Flags().BoolP("verbose", "v", false, "also say which tests passed, and what all of them logged")
	c.RunE = func(c *cobra.Command, trees []string) error {
		re, err := regexp.Compile(*match)
		if err != nil {
			return &exitError{exitUsage, fmt.Errorf("--run: %w", err)}
		}
		if len(trees) == 0 {
			cfg, err := config.Load(*file)
			if err != nil {
				return err
			}
			trees = []string{cfg.Tree}
		}
		return runTests(c, trees, &testReport{match: re, verbose: *verbose})
	}
	return c
}

// testReport writes what tests have to say, as go test does.
type testReport struct {
	match   *regexp.Regexp
	verbose bool
	text    strings.Builder
	failed  int
}

func runTests(c *cobra.Command, trees []string, r *testReport) error {
	for _, tree := range trees {
		files, err := star.Test(c.Context(), star.TestOptions{
			File: tree, Match: r.match, Done: r.done, Finished: func(f star.TestFile) {
				r.finished(f)
				fmt.Fprint(c.OutOrStdout(), r.text.String())
				r.text.Reset()
			},
		})
		if err != nil {
			return err
		}
		if files == 0 {
			fmt.Fprintf(c.OutOrStdout(), "?   \t%s\t[no files *_test.star]\n", tree)
		}
	}
	if r.failed > 0 {
		return &exitError{exitFailed, errors.New("")}
	}
	return nil
}

func (r *testReport) done(t star.TestResult) {
	verdict := "PASS"
	if t.Err != nil {
		r.failed++
		verdict = "FAIL"
	} else if !r.verbose {
		return
	}
	fmt.Fprintf(&r.text, "--- %s: %s (%.2fs)\n", verdict, t.Name, t.Elapsed.Seconds())
	for _, line := range t.Log {
		fmt.Fprintf(&r.text, "    %s\n", strings.ReplaceAll(line, "\n", "\n    "))
	}
	if t.Err != nil {
		at := t.File
		if t.Line > 0 {
			at = fmt.Sprintf("%s:%d", t.File, t.Line)
		}
		fmt.Fprintf(&r.text, "    %s: %s\n", at, strings.ReplaceAll(t.Err.Error(), "\n", "\n        "))
	}
}

func (r *testReport) finished(f star.TestFile) {
	seconds := f.Elapsed.Round(time.Millisecond).Seconds()
	switch {
	case f.Tests == 0:
		fmt.Fprintf(&r.text, "?   \t%s\t[no tests to run]\n", f.File)
	case f.Failed > 0:
		fmt.Fprintf(&r.text, "FAIL\t%s\t%.3fs\n", f.File, seconds)
	default:
		fmt.Fprintf(&r.text, "ok  \t%s\t%.3fs\n", f.File, seconds)
	}
}
