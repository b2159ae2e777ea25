package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

const (
	// diskWaits is how many threads may wait for the disk at once: the
	// journal's writer, the cache's, and those who read. Each holds one of the
	// runtime's turns until the runtime notices, and with two cores and two
	// writers a tap waited 65 ms for its decision, which needs no disk.
	diskWaits = 4
	// garbage is how many percent of what is in use may be garbage. A crawl
	// allocates much and keeps little: half as much garbage as usual makes its
	// peak a fifth lower, and takes no longer.
	garbage = 50
)

// tune sets the runtime up for a gateway, where the environment does not.
func tune() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + diskWaits)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
}
