package cloudtest

import (
	"encoding/base64"
	"time"
)

const maxMailLinks = 1000

// linkObject is a link as lists show it: without its secrets.
func (k *Kisi) linkObject(l *groupLink) object {
	return object{
		"id": l.id, "resource_type": "GroupLink", "name": l.name, "email": nullable(l.email), "phone": nullable(l.phone),
		"last_used_at": k.at(l.lastUsed), "link_enabled": l.enabled, "quick_response_code_type": nullable(l.code),
		"valid_from": k.at(l.window.From), "valid_until": k.at(l.window.Until), "created_at": k.at(l.created), "updated_at": k.at(l.updated),
		"group_id": l.group, "group": k.groupStub(l.group), "created_by_type": typeUser, "created_by_id": nullID(l.by), "issued_by_id": nullID(l.by),
	}
}

// newLinkObject is the answer to a create, the only one with the secrets.
func (k *Kisi) newLinkObject(l *groupLink) object {
	o := k.linkObject(l)
	o["secret"], o["quick_response_code_token"], o["quick_response_code_image"] = l.secret, nil, nil
	if l.code != "" {
		o["quick_response_code_token"] = "qr-" + k.generate("qr")
		o["quick_response_code_image"] = base64.StdEncoding.EncodeToString([]byte("\x89PNG\r\n\x1a\n" + l.secret))
	}
	return o
}

func (k *Kisi) listLinks(c *call) reply {
	groupName := func(l *groupLink) string {
		name, _ := k.groupStub(l.group)["name"].(string)
		return name
	}
	rows := filter(k.links.rows, func(l *groupLink) bool {
		return c.ids(l.id) && c.is("group_id", l.group) && c.query(l.name, l.email, l.phone, groupName(l))
	})
	rows = order(c, rows, sorting[*groupLink]{
		"name": byText(func(l *groupLink) string { return l.name }), "group_name": byText(groupName),
		"valid_until": byTime(func(l *groupLink) time.Time { return l.window.Until }),
		"unlock":      byTime(func(l *groupLink) time.Time { return l.lastUsed }),
	})
	return page(c, pageOf10, rows, k.linkObject)
}

func (k *Kisi) postLink(c *call) reply {
	f, refused := c.form("group_link")
	if refused != nil {
		return *refused
	}
	l := &groupLink{
		group: f.integer("group_id"), name: f.required("name"), email: f.text("email"), phone: f.text("phone"),
		enabled: f.flag("link_enabled", true), code: f.text("quick_response_code_type"), window: f.window(),
	}
	if _, there := k.groups.get(l.group); !there {
		f.wrong("group", "must exist")
	}
	if l.code != "" && l.code != "online" && l.code != "offline" {
		f.wrong("quick_response_code_type", "is not included in the list")
	}
	mailed := filter(k.links.rows, func(other *groupLink) bool { return other.email != "" })
	if l.email != "" && len(mailed) >= maxMailLinks {
		f.wrong("email", "has reached the limit of links")
	}
	if len(f.errs) > 0 {
		return invalid(f.errs)
	}
	return ok(k.newLinkObject(k.createLink(c.by.userID(), l)))
}

func (k *Kisi) createLink(actor int, l *groupLink) *groupLink {
	l.secret, l.by = k.generate("link"), actor
	k.links.add(l, k.now())
	k.mail(l.email, MailLink, l.id)
	k.mail(l.phone, MailSMS, l.id)
	k.noteBy(actor, "group_link.create", "GroupLink", l.id, l.name, 0)
	return l
}

func (k *Kisi) deleteLink(c *call) reply {
	l, there := k.links.get(c.id)
	return gone(c, l, there, k.destroyLink)
}

func (k *Kisi) destroyLink(actor int, l *groupLink) {
	k.links.remove(l.id)
	k.noteBy(actor, "group_link.destroy", "GroupLink", l.id, l.name, 0)
}
