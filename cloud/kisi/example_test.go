package kisi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// at reads an instant of an example.
func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// rows reads a list of one example.
func rows[T any](call func(*Client, context.Context, ...Filter) ([]T, error)) func(context.Context, *Client) (any, error) {
	return func(ctx context.Context, c *Client) (any, error) {
		all, err := call(c, ctx)
		if err != nil {
			return nil, err
		}
		return all[0], nil
	}
}

// TestObjectsAreReadAsDocumented holds the types against objects as the OpenAPI
// document shows them, whole, with the fields that we do not read.
func TestObjectsAreReadAsDocumented(t *testing.T) {
	made := at("2024-01-01T09:00:00Z")
	on, off := Flag{On: true, Told: true}, Flag{Told: true}
	for _, test := range []struct {
		name, json string
		call       func(context.Context, *Client) (any, error)
		want       any
	}{
		{
			"organization", `{"id":3289,"resource_type":"Organization","name":"Acme Cowork","domain":"acme","logo":null,"address":null,
 "description":null,"device_logins_expire_after":1209600,"places_count":2,"scim_enabled":false,
 "sso_flow_enabled":false,"sso_expiration_override_enabled":false,"sso_expiration_override":null,"metadata":null,
 "time_zone":"Europe/London","web_authentication_api_enabled":false,"apple_pass_enabled":false,
 "created_at":"2024-01-01T09:00:00Z","updated_at":"2024-01-01T09:00:00Z","user_id":11,"transfer_to_id":null,
 "image":null,"color":null}`,
			func(ctx context.Context, c *Client) (any, error) { return c.GetOrganization(ctx) },
			Organization{ID: 3289, Name: "Acme Cowork", Domain: "acme", TimeZone: "Europe/London", PlacesCount: 2, OwnerID: 11},
		},
		{
			"account", `{"id":11,"resource_type":"User","name":"Gateway Bot","email":"bot@acme.example","image":null,"locale":"en",
 "notifications_unread_count":0,"otp_required_for_login":false,"otp_enabled_at":null,"primary_login_exists":false,
 "announcements_last_seen_at":null,"last_read_at":null,"notes":null,
 "organization_id":3289,"organization":{"id":3289,"resource_type":"Organization","name":"Acme Cowork","domain":"acme"}}`,
			func(ctx context.Context, c *Client) (any, error) { return c.GetAccount(ctx) },
			Account{ID: 11, Name: "Gateway Bot", Email: "bot@acme.example", OrganizationID: 3289},
		},
		{
			"place", `[{"id":46,"resource_type":"Place","name":"HQ","description":null,"updated_at":"2024-01-01T09:00:00Z",
 "latitude":51.5,"longitude":-0.1,"address":"1 High St","image":null,"time_zone":"Europe/London",
 "tz_time_zone":"Europe/London","locks_count":4,"integrations_count":0,"locked_down":true,"locked_down_since":"2024-01-01T09:00:00Z",
 "occupancy_rate":null,"organization_id":3289,
 "organization":{"id":3289,"resource_type":"Organization","name":"Acme Cowork","domain":"acme"},
 "color":null,"logo":null,"user_id":null,"members_count":0}]`, rows((*Client).ListPlaces),
			Place{ID: 46, Name: "HQ", TimeZone: "Europe/London", LockedDown: new(true), LockedSince: &made, LocksCount: 4, OrganizationID: 3289, UpdatedAt: made},
		},
		{
			"lock", `[{"id":2006,"resource_type":"Lock","updated_at":"2024-01-01T09:00:00Z","configured":true,"description":null,
 "first_to_arrive_required_until":null,"first_to_arrive_satisfied":true,"latitude":null,"longitude":null,
 "locked_down":false,"locked_down_since":null,"name":"Entrance","on_scheduled_unlock":false,"online":true,
 "open":false,"order_id":null,"unlocked":false,"geofence_restriction_enabled":null,
 "geofence_restriction_radius":300.0,"reader_restriction_enabled":null,"time_restriction_enabled":true,
 "time_restriction_time_zone":"Europe/Rome","place_id":46,
 "place":{"id":46,"name":"HQ","latitude":51.5,"longitude":-0.1},"floor_id":null,"groups_count":3,"unlocked_until":null}]`, rows((*Client).ListLocks),
			Lock{ID: 2006, Name: "Entrance", PlaceID: 46, Configured: true, Online: new(true), LockedDown: new(false), TimeRestricted: on, TimeRestrictionZone: "Europe/Rome", ReaderRestricted: off, GeofenceRestricted: off, UpdatedAt: made},
		},
		{
			"group", `[{"id":45274,"resource_type":"Group","name":"Hot desk","description":null,"updated_at":"2024-01-01T09:00:00Z",
 "geofence_restriction_enabled":false,"geofence_restriction_radius":300.0,
 "primary_device_restriction_enabled":false,"managed_device_restriction_enabled":false,
 "reader_restriction_enabled":false,"time_restriction_enabled":true,"tap_to_access_restriction_enabled":false,
 "login_enabled":true,"users_count":12,"locks_count":3,"elevator_stops_count":0,"place_id":46,
 "place":{"id":46,"resource_type":"Place","name":"HQ"},"time_restriction_time_zone":null,"members_count":12}]`, rows((*Client).ListGroups),
			Group{
				ID: 45274, Name: "Hot desk", PlaceID: new(int64(46)), LoginEnabled: on, TimeRestricted: on, GeofenceRestricted: off, ReaderRestricted: off,
				PrimaryDeviceRestricted: off, ManagedDeviceRestricted: off, TapToAccessRestricted: off, UsersCount: new(12), LocksCount: new(3), UpdatedAt: made,
			},
		},
		{
			"group lock", `[{"id":9001,"resource_type":"GroupLock","group_id":45274,
 "group":{"id":45274,"resource_type":"Group","name":"Hot desk"},"lock_id":2006,
 "lock":{"id":2006,"description":null,"name":"Entrance"},"place_id":46,"place":{"id":46,"resource_type":"Place","name":"HQ"}}]`,
			rows(func(c *Client, ctx context.Context, f ...Filter) ([]GroupLock, error) {
				return c.ListGroupLocks(ctx, 45274, f...)
			}),
			GroupLock{ID: 9001, GroupID: 45274, LockID: 2006},
		},
		{
			"user", `[{"id":1804,"resource_type":"User","name":"Ann Lee","email":"ann@example.com","updated_at":"2024-01-01T09:00:00.5Z",
 "metadata":{},"image":null,"otp_required_for_login":false,"password_flow_enabled":true,"access_enabled":true,
 "last_accessed_at":null,"scim_access_enabled":true,"notes":null,"organization_id":3289,"confirmed":true,"groups_count":1}]`, rows((*Client).ListUsers),
			User{ID: 1804, Name: "Ann Lee", Email: "ann@example.com", AccessEnabled: new(true), ScimAccessEnabled: new(true), Confirmed: true, GroupsCount: new(1), UpdatedAt: made.Add(500 * time.Millisecond)},
		},
		{
			"role assignment", `[{"id":777001,"resource_type":"RoleAssignment","role_id":"group_basic",
 "notify":false,"applies_to_type":"Group","applies_to_id":45274,
 "applies_to":{"id":45274,"resource_type":"Group","name":"Hot desk"},"assignee_type":"User","assignee_id":1804,
 "assignee":{"id":1804,"resource_type":"User","email":"ann@example.com","name":"Ann Lee"},
 "created_by_type":"User","created_by_id":11,"user_id":1804,"assignee_team_id":null,"guest_id":null,"issued_by_id":11,"type":"group","scope":"group",
 "group_id":45274,"group":{"id":45274,"resource_type":"Group","name":"Hot desk"},
 "valid_from":"2026-11-02T09:00:00Z","valid_until":"2026-11-02T18:00:00.000+01:00"}]`,
			func(ctx context.Context, c *Client) (any, error) {
				all, err := c.ListRoleAssignments(ctx)
				if err != nil {
					return nil, err
				}
				all[0].ValidUntil = new(all[0].ValidUntil.UTC())
				return all[0], nil
			},
			RoleAssignment{
				ID: 777001, RoleID: "group_basic", AppliesToType: AppliesToGroup, AppliesToID: 45274, AssigneeType: AssigneeUser, AssigneeID: 1804,
				ValidFrom: new(at("2026-11-02T09:00:00Z")), ValidUntil: new(at("2026-11-02T17:00:00Z")), CreatedByType: "User", CreatedByID: 11,
			},
		},
		{
			"a right that ended in the year one is not without end", `[{"id":1,"valid_from":null,"valid_until":"0001-01-01T00:00:00Z"}]`, rows((*Client).ListRoleAssignments),
			RoleAssignment{ID: 1, ValidUntil: new(time.Time{})},
		},
		{
			"card assignment", `[{"id":5001,"resource_type":"CardAssignment","status":"activated",
 "two_factor_pin":null,"send_two_factor_pin_notification":false,"assignee_type":"User","assignee_id":1804,
 "card_id":8325,"created_by_type":"User","created_by_id":11,"guest_id":null,"user_id":1804}]`, rows((*Client).ListCardAssignments),
			CardAssignment{ID: 5001, CardID: 8325, AssigneeType: AssigneeUser, AssigneeID: 1804, Status: CardActivated},
		},
		{
			"a card whose numbers are text", `[{"id":1,"type":"third_party_lf_hid_h10301","facility_code":"012","card_number":3456,"card_id":null,"uid":null}]`, rows((*Client).ListCards),
			Card{ID: 1, Type: "third_party_lf_hid_h10301", FacilityCode: "012", CardNumber: "3456"},
		},
		{
			"schedule", `[{"id":5,"type":"recurring_event","name":null,"enabled":true,"override":false,"consequence":"allow","scheduleable_type":"Group","scheduleable_id":9,"place_id":46,
 "monday":true,"tuesday":true,"wednesday":true,"thursday":true,"friday":true,
 "saturday":false,"sunday":false,"starts_at_time":"08:00","ends_at_time":"18:00",
 "next_occurence":{"starts_at":"2026-12-24T12:00:00Z","ends_at":"2026-12-24T12:00:00Z"}}]`, rows((*Client).ListSchedules),
			Schedule{
				ID: 5, Type: ScheduleRecurring, Enabled: on, Override: off, Consequence: ConsequenceAllow, ScheduleableType: "Group", ScheduleableID: 9, PlaceID: new(int64(46)),
				Monday: on, Tuesday: on, Wednesday: on, Thursday: on, Friday: on, Saturday: off, Sunday: off, StartsAtTime: "08:00", EndsAtTime: "18:00",
			},
		},
		{
			"all-day schedule", `[{"id":6,"type":"single_all_day_event","starts_at_date":"2026-12-25","ends_at_date":"2026-12-26","place_id":null}]`, rows((*Client).ListSchedules),
			Schedule{ID: 6, Type: ScheduleAllDay, StartsAtDate: "2026-12-25", EndsAtDate: "2026-12-26"},
		},
		{
			"holidays schedule", `[{"id":7,"type":"holiday_calendar","region":"gb_eng","observed":true,"ignored_holidays":["a"]}]`, rows((*Client).ListSchedules),
			Schedule{ID: 7, Type: ScheduleHolidays, Region: "gb_eng", Observed: on, Ignored: []string{"a"}},
		},
		{
			"event set", `{"id":"es_1","created_at":"2026-11-02T09:00:00Z","status":"finished","interval":"a/b","cursor":null,"place_id":null,"events":[
 {"uuid":"d7cf","type":"lock.unlock","actor_type":"User","actor_id":1804,"actor_name":"Ann Lee",
 "actor_email":"ann@example.com","authenticated_by_type":"Card","authenticated_by_id":8325,
 "authorized_by_type":null,"authorized_by_id":null,"authorized_by_role_id":"group_basic","object_type":"Lock",
 "object_id":2006,"object_name":"Entrance","action":"unlock","created_at":"2024-01-01T09:00:00Z","message":"m","success":true,
 "code":null,"sequence":"12","organization_id":3289,"place_id":46,"error_code":null,"error_message":null,"details":{},"via":{}}]}`,
			func(ctx context.Context, c *Client) (any, error) { return c.GetEventSet(ctx, "es_1", "") },
			EventSet{ID: "es_1", Status: EventSetFinished, Events: []Event{{
				UUID: "d7cf", Type: "lock.unlock", Action: "unlock", ActorType: "User", ActorID: 1804,
				AuthenticatedBy: "Card", AuthenticatedByID: "8325", ObjectType: "Lock", ObjectID: 2006, ObjectName: "Entrance", PlaceID: 46, Success: true, Sequence: "12", CreatedAt: made, Message: "m",
			}}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newTest(t, func(req *http.Request) (*http.Response, error) {
				if limit, err := strconv.Atoi(req.URL.Query().Get("limit")); err == nil && strings.HasPrefix(test.json, "[") {
					return says(200, test.json, "X-Collection-Range", fmt.Sprintf("0-%d/1", limit-1)), nil
				}
				return says(200, test.json), nil
			})
			got, err := test.call(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
