package config

// inputs checks every [[input]] and returns their ports.
func (c *checker) inputs(all []table) (uses []use) {
	ids := map[string]string{}
	for _, t := range all {
		var input inputTable
		_ = c.decode(t, &input) // what is wrong is noted
		if c.name(t.path+".id", input.ID, "fire-panel") {
			c.once(ids, input.ID, t.path+".id", "each input needs its own", "another input has this id")
		}
		c.oneOf(t.path+".role", input.Role, string(RoleFire), string(RoleMainsFail), string(RoleBattery), string(RoleEnclosure), string(RoleTamper))
		if !input.Device.present() {
			c.blame(t.path+".device", `add device = { driver = "…", port = "…" }`, "missing")
		}
		c.options.Inputs = append(c.options.Inputs, Input{
			ID: input.ID, Name: firstOf(input.Name, input.ID), Role: Role(input.Role),
			Plan: wired(c, &uses, input.Device, c.input),
		})
	}
	return uses
}
