package kisi

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/tilegate/tilegate/cloud/transport"
)

// What a schedule does.
const (
	ConsequenceAllow         = "allow"
	ConsequenceUnlock        = "unlock"
	ConsequenceFirstToArrive = "first_to_arrive"
	ConsequencePermit        = "permit"
)

// Things that a schedule can be for.
const (
	ScheduleableGroup        = "Group"
	ScheduleableLock         = "Lock"
	ScheduleableElevatorStop = "ElevatorStop"
)

// Kinds of schedule.
const (
	ScheduleRecurring = "recurring_event"
	ScheduleSingle    = "single_event"
	ScheduleAllDay    = "single_all_day_event"
	ScheduleHolidays  = "holiday_calendar"
)

// Schedule says when something holds for a group or a lock. Override ones of
// the same consequence are exceptions, taken away from the others.
type Schedule struct {
	ID               int64  `json:"id"`
	Type             string `json:"type"` // Schedule…
	Name             string `json:"name"`
	Enabled          Flag   `json:"enabled"`
	Override         Flag   `json:"override"`
	Consequence      string `json:"consequence"`       // Consequence…
	ScheduleableType string `json:"scheduleable_type"` // Scheduleable…
	ScheduleableID   int64  `json:"scheduleable_id"`
	PlaceID          *int64 `json:"place_id"` // nil: of the organization

	// Recurring: weekdays and hh:mm in the zone of the place, empty for all
	// day. The start is before the end; what goes on past midnight is two
	// schedules.
	Monday       Flag   `json:"monday"`
	Tuesday      Flag   `json:"tuesday"`
	Wednesday    Flag   `json:"wednesday"`
	Thursday     Flag   `json:"thursday"`
	Friday       Flag   `json:"friday"`
	Saturday     Flag   `json:"saturday"`
	Sunday       Flag   `json:"sunday"`
	StartsAtTime string `json:"starts_at_time"`
	EndsAtTime   string `json:"ends_at_time"`
	Timeless     bool   `json:"-"` // one of the times is not told, which is not the same as null

	// Single: instants.
	StartsAt *time.Time `json:"starts_at"`
	EndsAt   *time.Time `json:"ends_at"`

	// All day: dates (yyyy-mm-dd) in the zone of the place, the last one included.
	StartsAtDate string `json:"starts_at_date"`
	EndsAtDate   string `json:"ends_at_date"`

	// Holidays of a region.
	Region   string   `json:"region"`
	Observed Flag     `json:"observed"`
	Ignored  []string `json:"ignored_holidays"` // dates or names: the document does not say which

	UpdatedAt time.Time `json:"updated_at"`
}

// UnmarshalJSON reads a schedule.
func (s *Schedule) UnmarshalJSON(b []byte) error {
	type plain Schedule
	var told struct {
		Starts json.RawMessage `json:"starts_at_time"`
		Ends   json.RawMessage `json:"ends_at_time"`
	}
	if err := cmp.Or(json.Unmarshal(b, (*plain)(s)), json.Unmarshal(b, &told)); err != nil {
		return err
	}
	s.Timeless = s.Type == ScheduleRecurring && (told.Starts == nil || told.Ends == nil)
	return nil
}

// TellsWhen says whether a recurring schedule tells its days and its times.
func (s *Schedule) TellsWhen() bool {
	for _, day := range [...]Flag{s.Monday, s.Tuesday, s.Wednesday, s.Thursday, s.Friday, s.Saturday, s.Sunday} {
		if !day.Told {
			return false
		}
	}
	return !s.Timeless
}

// Window is one stretch of time that Kisi worked out.
type Window struct {
	StartsAt time.Time `json:"starts_at"`
	EndsAt   time.Time `json:"ends_at"`
}

// Calendar is what the schedules of a group or a lock come to, zones and
// holidays applied by Kisi: Events less Exceptions.
type Calendar struct {
	Events     []Window `json:"events"`
	Exceptions []Window `json:"exceptions"`
}

// Holiday is one day of a region's holiday calendar.
type Holiday struct {
	Date string `json:"date"` // yyyy-mm-dd
	Name string `json:"name"`
}

// ListSchedules reads all schedules; WithConsequence and ByIDs narrow it.
func (c *Client) ListSchedules(ctx context.Context, f ...Filter) ([]Schedule, error) {
	return list(ctx, c, "/schedules", pageSize, func(s Schedule) int64 { return s.ID }, f)
}

// WithConsequence narrows schedules to those that do one thing.
func WithConsequence(consequence string) Filter { return where("consequence", consequence) }

// CalendarOfGroup asks when a consequence holds for a group, from one instant to another.
func (c *Client) CalendarOfGroup(ctx context.Context, group int64, consequence string, from, until time.Time) (Calendar, error) {
	return c.calendar(ctx, "group_id", group, consequence, from, until)
}

// CalendarOfLock asks when a consequence holds for a lock, from one instant to another.
func (c *Client) CalendarOfLock(ctx context.Context, lock int64, consequence string, from, until time.Time) (Calendar, error) {
	return c.calendar(ctx, "lock_id", lock, consequence, from, until)
}

func (c *Client) calendar(ctx context.Context, name string, id int64, consequence string, from, until time.Time) (Calendar, error) {
	q := url.Values{}
	q.Set("around", interval(from, until))
	q.Set("consequence", consequence)
	q.Set(name, strconv.FormatInt(id, 10))
	var answer struct {
		Events     *[]Window
		Exceptions *[]Window
	}
	resp, err := c.http.Do(ctx, transport.Request{Path: "/calendar/summary", Query: q})
	if err != nil {
		return Calendar{}, err
	}
	if err := resp.Decode(&answer); err != nil {
		return Calendar{}, err
	}
	if answer.Events == nil || answer.Exceptions == nil {
		return Calendar{}, resp.Unfit("the calendar has no events or no exceptions", nil)
	}
	return Calendar{Events: *answer.Events, Exceptions: *answer.Exceptions}, nil
}

// ListHolidays reads the holidays of a region ("gb_eng") in one year. The list
// has no pages. Observed moves holidays to the day they are taken.
func (c *Client) ListHolidays(ctx context.Context, region string, year int, observed bool) ([]Holiday, error) {
	q := url.Values{}
	q.Set("year", strconv.Itoa(year))
	q.Set("observed", strconv.FormatBool(observed))
	return unpaged(ctx, c, "/holiday_calendars/"+url.PathEscape(region)+"/holidays", q, func(h Holiday) bool { return h.Date != "" })
}

// interval writes an ISO 8601 interval.
func interval(from, until time.Time) string {
	return from.UTC().Format(time.RFC3339) + "/" + until.UTC().Format(time.RFC3339)
}
