package osdp

import (
	"os"
	"strings"
	"testing"
)

// Whoever sees a word in a number or a trouble must find what it means.
func TestEveryWordOfARefusalStandsInTheRunbook(t *testing.T) {
	runbook, err := os.ReadFile("../../docs/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range Refusals() {
		if strings.HasPrefix(word, "nak_") {
			continue // the page names the first and the last of them
		}
		if !strings.Contains(string(runbook), "`"+word+"`") {
			t.Errorf("%s is not explained", word)
		}
	}
}
