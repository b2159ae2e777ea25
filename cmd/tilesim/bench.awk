# Makes of what Go's benchmarks print the lines of `make bench`: name, value and
# unit. A figure that was measured more than once is its median. What is no
# figure goes to standard error.

# What these packages measure is named for what they are about.
BEGIN { named["osdp"]; named["pkoc"]; named["pass"] }

/^pkg: / {
	package = $2
	sub(/.*\//, "", package)
	prefix = package in named ? package "_" : ""
}

!/^Benchmark/ || NF < 4 { print > "/dev/stderr"; next }

{
	name = prefix snake($1)
	milliseconds = 0
	for (i = 4; i <= NF; i += 2)
		if ($i == "ms") milliseconds = 1
	for (i = 3; i < NF; i += 2)
		note(name, $i, $(i + 1), milliseconds)
}

# BenchmarkSite/TapQuiet-2 is tap_quiet, and BenchmarkOSDPCard is osdp_card.
function snake(text,    out, i, c, before) {
	sub(/^Benchmark/, "", text)
	sub(/-[0-9]+$/, "", text)
	sub(/^Site\//, "", text)
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		before = i > 1 ? substr(text, i - 1, 1) : ""
		if (c == "/")
			c = "_"
		else if (before ~ /[a-z]/ && c ~ /[A-Z0-9]/)
			c = "_" c
		else if (before ~ /[A-Z]/ && c ~ /[A-Z]/ && substr(text, i + 1, 1) ~ /[a-z]/)
			c = "_" c
		out = out c
	}
	return tolower(out)
}

function note(name, value, unit, milliseconds) {
	if (unit == "ns/op") {
		if (milliseconds) return
		unit = "ns"
	} else if (unit == "allocs/op") {
		name = name "_allocs"
		unit = "allocs"
	} else if (unit == "B/op") {
		return
	} else if (match(unit, /-[^-]*$/)) {
		name = name "_" substr(unit, 1, RSTART - 1)
		unit = substr(unit, RSTART + 1)
	}
	if (!(name in unitOf)) order[++figures] = name
	unitOf[name] = unit
	values[name, ++count[name]] = value
}

END {
	for (f = 1; f <= figures; f++) {
		name = order[f]
		print name, median(name), unitOf[name]
	}
}

function median(name,    n, i, j, v) {
	n = count[name]
	for (i = 2; i <= n; i++) {
		v = values[name, i]
		for (j = i - 1; j > 0 && values[name, j] + 0 > v + 0; j--)
			values[name, j + 1] = values[name, j]
		values[name, j + 1] = v
	}
	return values[name, int((n + 1) / 2)]
}
