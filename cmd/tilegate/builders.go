//go:build !docs

package main

import "github.com/spf13/cobra"

// builders are commands for the build; the shipped program has none and does
// not link what they need.
func builders(*tool) []*cobra.Command { return nil }
