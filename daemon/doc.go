// Package daemon is the gateway itself: it reads tiles, decides, records,
// strikes and answers. door.go is the path of a tap; gateway.go orders the
// parts and holds every go statement; each part_*.go is one long-lived part.
package daemon
