// Package auth says who someone is (keys, passwords), what they may do (rules
// over path, verb and action) and how much guessing costs.
//
// It must not know transports, prompts, sessions or trees: paths are strings.
package auth
