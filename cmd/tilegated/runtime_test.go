package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestEnvironmentWinsOverOurRuntimeSettings(t *testing.T) {
	procs := runtime.GOMAXPROCS(0)
	percent := debug.SetGCPercent(100)
	t.Cleanup(func() { runtime.GOMAXPROCS(procs); debug.SetGCPercent(percent) })
	tests := []struct {
		name, procs, gc        string
		wantProcs, wantPercent int
	}{
		{"the environment says nothing", "", "", procs + diskWaits, garbage},
		{"it says both", "3", "70", procs, 100}, // the runtime reads it by itself
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			runtime.GOMAXPROCS(procs)
			debug.SetGCPercent(100)
			for name, value := range map[string]string{"GOMAXPROCS": tt.procs, "GOGC": tt.gc} {
				t.Setenv(name, value)
				if value == "" {
					if err := os.Unsetenv(name); err != nil {
						t.Fatal(err)
					}
				}
			}
			tune()
			if got := runtime.GOMAXPROCS(0); got != tt.wantProcs {
				t.Errorf("GOMAXPROCS = %d, want %d", got, tt.wantProcs)
			}
			if got := debug.SetGCPercent(100); got != tt.wantPercent {
				t.Errorf("GOGC = %d, want %d", got, tt.wantPercent)
			}
		})
	}
}
