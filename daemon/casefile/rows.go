package casefile

// The file as it is written. Everything has a name, and others refer to it by
// that name. Times stay text until the zone of the site is known.
type file struct {
	Title     string        `toml:"title"`
	Zone      string        `toml:"zone"`
	World     worldRow      `toml:"world"`
	Sources   []sourceRow   `toml:"source"`
	Places    []placeRow    `toml:"place"`
	Doors     []doorRow     `toml:"door"`
	Groups    []groupRow    `toml:"group"`
	People    []personRow   `toml:"person"`
	Teams     []teamRow     `toml:"team"`
	Rights    []rightRow    `toml:"right"`
	Lockdowns []lockdownRow `toml:"lockdown"`
	Taps      []tapRow      `toml:"tap"`
	Stands    []standsRow   `toml:"stands"`
}

// worldRow is what is known of the world, unless a tap says otherwise.
type worldRow struct {
	Clock        string `toml:"clock"`
	SurelyPast   string `toml:"surely_past"`
	ClockLostFor span   `toml:"clock_lost_for"`
	Silent       span   `toml:"silent"`
}

type sourceRow struct {
	Name       string `toml:"name"`
	Heard      string `toml:"heard"`
	NeverStale bool   `toml:"never_stale"`
}

type placeRow struct {
	Name       string `toml:"name"`
	Zone       string `toml:"zone"`
	LockedDown bool   `toml:"locked_down"`
}

type doorRow struct {
	Name           string   `toml:"name"`
	Place          string   `toml:"place"`
	Zone           string   `toml:"zone"`
	LockedDown     bool     `toml:"locked_down"`
	AtDoorOnly     bool     `toml:"at_door_only"`
	LimitedToHours bool     `toml:"limited_to_hours"`
	Hours          []string `toml:"hours"`
	Except         []string `toml:"except"`
	Unlock         []string `toml:"unlock"`
	UnlockExcept   []string `toml:"unlock_except"`
	FirstToArrive  []string `toml:"first_to_arrive"`
	WaitExcept     []string `toml:"first_to_arrive_except"`

	// What the gateway's own settings say of the door.
	MinimumAssurance string `toml:"minimum_assurance"`
	AskPIN           bool   `toml:"ask_pin"`
	HighSecurity     bool   `toml:"high_security"`
	Residential      bool   `toml:"residential"`
	Passback         span   `toml:"passback"`
	PassbackRefuses  bool   `toml:"passback_refuses"`
}

type groupRow struct {
	Name           string   `toml:"name"`
	Doors          []string `toml:"doors"`
	Zone           string   `toml:"zone"`
	AtDoorOnly     bool     `toml:"at_door_only"`
	LimitedToHours bool     `toml:"limited_to_hours"`
	Hours          []string `toml:"hours"`
	Except         []string `toml:"except"`
}

type personRow struct {
	Name         string   `toml:"name"`
	Suspended    bool     `toml:"suspended"`
	Cards        []string `toml:"cards"`
	Codes        []string `toml:"codes"`
	Passes       []string `toml:"passes"`
	Keys         []string `toml:"keys"`
	PINs         []string `toml:"pins"`
	NotActivated []string `toml:"not_activated"`
}

type teamRow struct {
	Name    string   `toml:"name"`
	Members []string `toml:"members"`
}

type rightRow struct {
	Name       string `toml:"name"`
	Person     string `toml:"person"`
	Team       string `toml:"team"`
	Door       string `toml:"door"`
	Group      string `toml:"group"`
	Place      string `toml:"place"`
	Everywhere bool   `toml:"everywhere"`
	From       string `toml:"from"`
	Until      string `toml:"until"`
	Source     string `toml:"source"`
	Cause      string `toml:"cause"`
	Cancelled  bool   `toml:"cancelled"`
}

// lockdownRow is a lockdown by staff.
type lockdownRow struct {
	Door       string `toml:"door"`
	Place      string `toml:"place"`
	Everywhere bool   `toml:"everywhere"`
	From       string `toml:"from"`
	Until      string `toml:"until"`
}

type tapRow struct {
	Note string `toml:"note"`
	Door string `toml:"door"`
	At   string `toml:"at"`

	// Who or what taps: one of these.
	Card   string `toml:"card"`
	Code   string `toml:"code"`
	Pass   string `toml:"pass"`
	Key    string `toml:"key"`
	PIN    string `toml:"pin"`
	Person string `toml:"person"`
	Fault  string `toml:"fault"`

	Assurance    string `toml:"assurance"`
	Presence     string `toml:"presence"`
	Keypad       string `toml:"keypad"`
	LastUsed     *span  `toml:"last_used"`
	Clock        string `toml:"clock"`
	SurelyPast   string `toml:"surely_past"`
	ClockLostFor *span  `toml:"clock_lost_for"`
	Silent       *span  `toml:"silent"`

	Granted string   `toml:"granted"`
	Warned  bool     `toml:"warned"`
	Refused []string `toml:"refused"`
	Works   string   `toml:"works"`
	Says    string   `toml:"says"`
}

// standsRow asks whether a door stands open by its schedules.
type standsRow struct {
	Note    string `toml:"note"`
	Door    string `toml:"door"`
	At      string `toml:"at"`
	Clock   string `toml:"clock"`
	Arrived string `toml:"arrived"`
	Silent  *span  `toml:"silent"`
	Open    bool   `toml:"open"`
}
