// Package config reads deployerd.yaml: strict decoding, defaults, validation,
// and the files it names with their owners and modes.
//
// It must not know any other package of the project.
package config
