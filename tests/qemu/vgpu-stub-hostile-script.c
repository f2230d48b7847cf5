/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scripts of a device that answers what the test says.
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qapi/error.h"
#include "standard-headers/linux/vgpu_stub.h"
#include "vgpu-stub-hostile-script.h"

typedef enum {
    ANSWER_TRUE,
    ANSWER_ONES,
    ANSWER_RANDOM,
    ANSWER_NUMBER,
} Kind;

typedef struct {
    Kind kind;
    uint32_t number;
    /* The reads that it answers. */
    uint32_t times;
} Answer;

/* Marsaglia's xorshift, which never comes to 0 unless it begins there. */
static uint32_t vgpu_stub_hostile_next(VGPUStubHostileScript *script)
{
    uint32_t x = script->random;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    script->random = x;
    return x;
}

static uint32_t vgpu_stub_hostile_random(VGPUStubHostileScript *script)
{
    static const uint32_t meaningful[] = {
        0, VGPU_STATUS_DONE, VGPU_PRIORITY_HIGH, VGPU_PRIORITY_HIGH + 1,
        VGPU_POOL_ID_A, VGPU_POOL_ID_B, 0x7f, 0x80, 0x100, 0xd800, 0x10ffff,
        0x110000, INT32_MAX, 0x80000000, VGPU_REG_GONE - 1, VGPU_REG_GONE,
    };
    uint32_t choice = vgpu_stub_hostile_next(script);

    if (choice & 1) {
        return vgpu_stub_hostile_next(script);
    }
    return meaningful[(choice >> 1) % ARRAY_SIZE(meaningful)];
}

void vgpu_stub_hostile_script_init(VGPUStubHostileScript *script)
{
    script->text = g_strdup("");
    script->answers = g_array_new(false, false, sizeof(Answer));
}

void vgpu_stub_hostile_script_finalize(VGPUStubHostileScript *script)
{
    g_array_unref(script->answers);
    g_free(script->text);
}

/* Parses one word. */
static bool vgpu_stub_hostile_parse(const char *word, Answer *answer,
                                    Error **errp)
{
    const char *what = word;
    const char *star = strchr(word, '*');
    g_autofree char *times = NULL;
    unsigned int number;

    answer->times = 1;
    if (star) {
        times = g_strndup(word, star - word);
        if (!g_ascii_isdigit(*times) ||
            qemu_strtoui(times, NULL, 10, &answer->times) ||
            !answer->times) {
            error_setg(errp, "vgpu-stub-hostile: '%s' is not to be answered "
                       "a number of times", word);
            return false;
        }
        what = star + 1;
    }
    if (g_str_equal(what, "true")) {
        answer->kind = ANSWER_TRUE;
    } else if (g_str_equal(what, "ones")) {
        answer->kind = ANSWER_ONES;
    } else if (g_str_equal(what, "random")) {
        answer->kind = ANSWER_RANDOM;
    } else if (!qemu_strtoui(what, NULL, 0, &number)) {
        answer->kind = ANSWER_NUMBER;
        answer->number = number;
    } else {
        error_setg(errp, "vgpu-stub-hostile: '%s' is no answer: true, ones, "
                   "random or a number", word);
        return false;
    }
    return true;
}

void vgpu_stub_hostile_script_set(VGPUStubHostileScript *script,
                                  const char *text, uint32_t seed,
                                  Error **errp)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    GArray *answers = g_array_new(false, false, sizeof(Answer));
    Answer answer;
    char **word;

    for (word = words; *word; word++) {
        if (!**word) {
            continue;
        }
        if (!vgpu_stub_hostile_parse(*word, &answer, errp)) {
            g_array_unref(answers);
            return;
        }
        g_array_append_val(answers, answer);
    }
    g_array_unref(script->answers);
    script->answers = answers;
    g_free(script->text);
    script->text = g_strdup(text);
    script->next = 0;
    script->answered = 0;
    script->random = seed ? seed : 1;
}

bool vgpu_stub_hostile_script_answer(VGPUStubHostileScript *script,
                                     uint32_t *val)
{
    Answer *answer;

    if (!script->answers->len) {
        return false;
    }
    answer = &g_array_index(script->answers, Answer, script->next);
    if (++script->answered >= answer->times &&
        script->next + 1 < script->answers->len) {
        script->next++;
        script->answered = 0;
    }
    switch (answer->kind) {
    case ANSWER_ONES:
        *val = VGPU_REG_GONE;
        return true;
    case ANSWER_RANDOM:
        *val = vgpu_stub_hostile_random(script);
        return true;
    case ANSWER_NUMBER:
        *val = answer->number;
        return true;
    case ANSWER_TRUE:
        return false;
    }
    g_assert_not_reached();
}
