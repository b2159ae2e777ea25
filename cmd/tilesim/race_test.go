//go:build race

package main

// raceDetector says that these tests run under it; the daemon is then built
// with it as well, and ends with an error where it finds one.
const raceDetector = true
