package daemon

import (
	"testing"
	"time"
)

// What a cloud's Date says of the clock is bounded by the round trip, and counts
// when two answers that are apart imply the same time.
func TestTheDateOfAnswersTellsHowFarTheClockIsOff(t *testing.T) { // X9, F-19
	type answer struct {
		at, took time.Duration // when it came, and how long after it was asked for
		date     time.Duration // past today
	}
	tests := []struct {
		name    string
		answers []answer
		ahead   time.Duration // of the wall, which is right
		off     time.Duration
		alarm   bool
		opinion cloudOpinion
	}{
		{"one answer proves nothing", []answer{{at: 0, date: -time.Hour}}, time.Hour - 500*time.Millisecond, 500 * time.Millisecond, false, noOpinion},
		{
			"two in a burst neither",
			[]answer{{at: 0, date: -time.Hour}, {at: 59 * time.Second, date: 59*time.Second - time.Hour}},
			time.Hour - 500*time.Millisecond, 500 * time.Millisecond, false, noOpinion,
		},
		{
			"two a minute apart do",
			[]answer{{at: 0, date: -time.Hour}, {at: time.Minute, date: time.Minute - time.Hour}},
			time.Hour - 500*time.Millisecond, 500 * time.Millisecond, true, cloudsContradict,
		},
		{
			"half a minute and a bit: an alarm, no doubt",
			[]answer{{at: 0, date: 32 * time.Second}, {at: time.Minute, date: time.Minute + 32*time.Second}},
			-32*time.Second - 500*time.Millisecond, 500 * time.Millisecond, true, cloudsAgree,
		},
		{
			"by no more than the round trip explains",
			[]answer{{at: 0, took: 10 * time.Second, date: -38 * time.Second}, {at: time.Minute, took: 10 * time.Second, date: time.Minute - 38*time.Second}},
			32500 * time.Millisecond, 5500 * time.Millisecond, false, cloudsAgree,
		},
		{
			"two servers that do not agree",
			[]answer{{at: 0, date: -time.Hour}, {at: time.Minute, date: time.Minute}, {at: 2 * time.Minute, date: 2*time.Minute - time.Hour}},
			time.Hour - 500*time.Millisecond, 500 * time.Millisecond, false, noOpinion,
		},
		{
			"it was wrong and is right now",
			[]answer{{at: 0, date: -time.Hour}, {at: time.Minute, date: time.Minute - time.Hour}, {at: 2 * time.Minute, date: 2 * time.Minute}},
			-500 * time.Millisecond, 500 * time.Millisecond, false, noOpinion,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			clouds := newCloudClocks()
			last := time.Duration(0)
			for _, a := range tt.answers {
				clouds.heard("kisi", today.Add(a.date), a.at, a.took)
				last = a.at
			}
			now := point{today.Add(last), last}
			got := clouds.offsets(now)[0]
			if got.ahead != tt.ahead || got.off != tt.off || got.beyond(driftAlarm) != tt.alarm {
				t.Errorf("ahead by %v ± %v, alarm %v; want %v ± %v, %v", got.ahead, got.off, got.beyond(driftAlarm), tt.ahead, tt.off, tt.alarm)
			}
			if opinion := clouds.opinion(now); opinion != tt.opinion {
				t.Errorf("opinion %v, want %v", opinion, tt.opinion)
			}
			later := now.mono + driftLasts
			if all := clouds.offsets(point{now.at(later), later}); len(all) != 0 {
				t.Errorf("a day later it still says %v", all)
			}
		})
	}
}

func TestOneCloudThatAgreesOutweighsOneThatDoesNot(t *testing.T) {
	clouds := newCloudClocks()
	for _, at := range []time.Duration{0, time.Minute} {
		clouds.heard("kisi", today.Add(at-time.Hour), at, 0)
		clouds.heard("nexudus", today.Add(at), at, 0)
	}
	now := point{today.Add(time.Minute), time.Minute}
	if got := clouds.opinion(now); got != cloudsAgree {
		t.Errorf("got %v, want %v", got, cloudsAgree)
	}
	clouds.forget("nexudus")
	if got := clouds.opinion(now); got != cloudsContradict {
		t.Errorf("kisi alone: got %v, want %v", got, cloudsContradict)
	}
}
