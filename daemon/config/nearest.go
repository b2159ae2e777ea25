package config

// nearest is the known key that was most likely meant, or "": the closest by
// edit distance, if it is close enough to be a slip of the hand.
func nearest(key string, known []string) string {
	best, found := max(1, len(key)/3)+1, ""
	for _, candidate := range known {
		if candidate == key+"_file" { // the secret itself where its file should be named
			return candidate
		}
		if d := distance(key, candidate); d < best {
			best, found = d, candidate
		}
	}
	return found
}

// distance is the number of letters to insert, delete, change or swap with
// their neighbour to make one word of another.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	before := make([]int, len(to)+1)
	last := make([]int, len(to)+1)
	for j := range last {
		last[j] = j
	}
	for i, letter := range from {
		now := make([]int, len(to)+1)
		now[0] = i + 1
		for j, other := range to {
			change := last[j]
			if letter != other {
				change++
			}
			now[j+1] = min(change, last[j+1]+1, now[j]+1)
			if i > 0 && j > 0 && letter == to[j-1] && from[i-1] == other {
				now[j+1] = min(now[j+1], before[j-1]+1)
			}
		}
		before, last = last, now
	}
	return last[len(to)]
}
