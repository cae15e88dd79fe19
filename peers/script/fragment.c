/* SPDX-License-Identifier: Apache-2.0 */
/* `use`: a fragment found, its parameters bound, its lines played. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "interp_internal.h"
#include "parser.h"

#define FRAGMENT_DEPTH_MAX 8

static bool fragment_in(const char *dir, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.3000s/common/%.200s.vus", dir, name);
	return !access(path, R_OK);
}

/* common/NAME.vus: beside the scenario, above it, here, or where script_interp_fragments() said. */
static bool find_fragment(const struct script_interp *in, const char *name, char path[PATH_MAX])
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", script_path(in->script));
	for (char *up = dirname(dir);; up = dirname(up)) {
		if (fragment_in(up, name, path))
			return true;
		if (!strcmp(up, "/") || !strcmp(up, "."))
			break;
	}
	return fragment_in(".", name, path) ||
	       (in->fragments && fragment_in(in->fragments, name, path));
}

static int bind_params(struct script_interp *in, const struct script_stmt *use,
		       const struct script *frag, char *why, size_t size)
{
	const struct script_list *params = &script_header(frag)->params;
	struct script_value value;

	for (size_t i = 0; i < params->n; i++) {
		const struct script_expr *e = script_positional(use, i + 1);

		if (!e) {
			snprintf(why, size, "use %s: $%s is not given", script_path(frag),
				 params->items[i]);
			return -EINVAL;
		}
		if (script_eval(in, e, &value, why, size))
			return -EINVAL;
		if (value.kind == VALUE_FD)
			value.number = (uint64_t)dup((int)value.number);
		if (script_push(in, params->items[i], value))
			return -ENOMEM;
	}
	return 0;
}

enum script_step script_run_use(struct script_interp *in, const struct script_stmt *stmt)
{
	const struct script_expr *name = script_positional(stmt, 0);
	struct script *outer = in->script, *frag;
	char path[PATH_MAX], why[SCRIPT_TEXT_MAX];
	struct script_error err;
	enum script_step step;
	size_t base = in->nvars;

	if (in->depth >= FRAGMENT_DEPTH_MAX)
		return script_conclude(in, stmt, STEP_ERROR, "fragments use one another too deeply",
				       NULL);
	if (!find_fragment(in, name->text, path))
		return script_conclude(in, stmt, STEP_ERROR, "there is no such fragment in common/",
				       NULL);
	frag = script_open(path, NULL, &err);
	if (!frag)
		return script_conclude(in, stmt, STEP_ERROR, err.text, NULL);
	if (!frag->draft) /* what it names is meant as the scenario means it */
		frag->draft = in->draft;
	step = bind_params(in, stmt, frag, why, sizeof(why)) ? STEP_ERROR : STEP_DONE;
	if (step == STEP_ERROR)
		script_conclude(in, stmt, step, why, NULL);
	size_t params = in->nvars - base;

	in->script = frag;
	in->depth++;
	if (step == STEP_DONE)
		step = script_play_all(in);
	in->depth--;
	in->script = outer;
	script_drop(in, base, params);
	script_close(frag);
	return step;
}
