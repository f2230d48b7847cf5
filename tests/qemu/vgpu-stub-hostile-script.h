/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scripts: what the reads from now on answer.
 *
 * A script is words, each of which is the answer to one read; the last one is
 * the answer to all that follow. An empty one answers nothing.
 *
 *   true      what the register holds
 *   ones      all ones, as from a device that is gone
 *   random    a number, often one of those that mean something
 *   0x41      this number
 *   3*ones    the same three times
 */

#ifndef HW_MISC_VGPU_STUB_HOSTILE_SCRIPT_H
#define HW_MISC_VGPU_STUB_HOSTILE_SCRIPT_H

typedef struct VGPUStubHostileScript {
    /* As it was given. */
    char *text;
    /* Its words, the index of the next one, and the reads that it answered. */
    GArray *answers;
    guint next;
    uint32_t answered;
    /* State of the generator of random numbers. */
    uint32_t random;
} VGPUStubHostileScript;

/* Makes an empty script. */
void vgpu_stub_hostile_script_init(VGPUStubHostileScript *script);

/* Frees what a script holds. */
void vgpu_stub_hostile_script_finalize(VGPUStubHostileScript *script);

/*
 * Replaces a script and starts it from its beginning, its random numbers being
 * those of the seed. If the text makes no sense, nothing is changed.
 */
void vgpu_stub_hostile_script_set(VGPUStubHostileScript *script,
                                  const char *text, uint32_t seed,
                                  Error **errp);

/* Answers a read; false if that is to answer what the register holds. */
bool vgpu_stub_hostile_script_answer(VGPUStubHostileScript *script,
                                     uint32_t *val);

#endif /* HW_MISC_VGPU_STUB_HOSTILE_SCRIPT_H */
