/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads device models into a QEMU that was built without them.
 *
 * A QEMU that is built with modules exports its functions to those. A shared
 * object of device models and this file finds them, too, and is opened by
 *
 *     -plugin vgpu-stub.so         before the board is made
 *     LD_PRELOAD=vgpu-stub.so      before main(), and so for -device help, too
 *
 * QEMU promises nothing to such an object, so it is for the one build of QEMU
 * whose version string it was compiled with, and ends every other one before
 * the machine exists, with a line that says what to do.
 *
 * The models are compiled with these names for the functions by which they
 * register themselves:
 *
 *     register_module_init           vgpu_packaged_add_init
 *     type_register_static_array     vgpu_packaged_register
 *
 * and all undefined symbols are weak, so that the object does no harm to a
 * program that is no QEMU.
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "qapi/qapi-commands-control.h"
#include "migration/vmstate.h"
#include "vgpu-stub-compat.h"
#include "loader-config.h"
#include <dlfcn.h>

/* Tested for being there, which the compiler else takes for granted. */
#pragma weak qmp_query_version

/* More than there are models in any object. */
#define MAX_INITS 8

static void (*inits[MAX_INITS])(void);
static unsigned int nr_inits;

/* error_report() needs a QEMU that has started. */
static void G_GNUC_PRINTF(1, 2) G_NORETURN refuse(const char *format, ...)
{
    va_list args;

    fputs(VGPU_PACKAGED_NAME ": ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

/* Checks that this is the QEMU that the object was compiled for. */
static void check_version(void)
{
    char version[256];
    VersionInfo *info;

    if (!qmp_query_version) {
        refuse("not loaded: this QEMU was built without modules and exports "
               "nothing, like XCP-ng's, Proxmox's and Debian's for Xen; it "
               "needs a build with the device in it");
    }
    info = qmp_query_version(NULL);
    snprintf(version, sizeof(version),
             *info->package ? "%" PRId64 ".%" PRId64 ".%" PRId64 " (%s)"
                            : "%" PRId64 ".%" PRId64 ".%" PRId64,
             info->qemu->major, info->qemu->minor, info->qemu->micro,
             info->package);
    if (strcmp(version, VGPU_PACKAGED_FOR)) {
        refuse("not loaded: it is for QEMU " VGPU_PACKAGED_FOR ", and this is "
               "QEMU %s; 'make device-plugin' makes one for that", version);
    }
}

/* Refuses a QEMU in which the layout of something is another one. */
static void check_equal(const char *name, const char *what, size_t here,
                        size_t there)
{
    if (here != there) {
        refuse("not loaded: the %s of %s is %zu in this QEMU and %zu here; it "
               "was compiled for another configuration of QEMU: make it anew",
               what, name, there, here);
    }
}

/*
 * What a TypeImpl begins with. QEMU has no function that gives the sizes, and
 * this is the same in every version.
 */
typedef struct TypeSizes {
    const char *name;
    size_t class_size;
    size_t instance_size;
} TypeSizes;

static void check_type(const char *name, size_t class_size,
                       size_t instance_size)
{
    ObjectClass *klass = object_class_by_name(name);
    const TypeSizes *type = klass ? (const TypeSizes *)klass->type : NULL;

    if (!type || strcmp(type->name, name)) {
        refuse("not loaded: this QEMU has no type %s", name);
    }
    check_equal(name, "size of a class", class_size, type->class_size);
    check_equal(name, "size", instance_size, type->instance_size);
}

static void check_offset(const char *name, size_t offset)
{
    const VMStateField *field = vmstate_pci_device.fields;

    while (field->name && strcmp(field->name, name)) {
        field++;
    }
    check_equal(name, "offset", offset,
                field->name ? field->offset : SIZE_MAX);
}

/*
 * Checks what depends on how QEMU was configured, as far as it tells: the types
 * that those of the models begin with or contain.
 */
static void check_layout(void)
{
    check_type(TYPE_OBJECT, sizeof(ObjectClass), sizeof(Object));
    check_type(TYPE_DEVICE, sizeof(DeviceClass), sizeof(DeviceState));
    check_type(TYPE_PCI_DEVICE, sizeof(PCIDeviceClass), sizeof(PCIDevice));
    check_type(TYPE_MEMORY_REGION, sizeof(MemoryRegionClass),
               sizeof(MemoryRegion));
    check_offset("config", offsetof(PCIDevice, config));
    check_offset("irq_state", offsetof(PCIDevice, irq_state));
}

/* Registers the models with a QEMU that has registered its own types. */
static void load(void)
{
    unsigned int i;

    check_layout();
    for (i = 0; i < nr_inits; i++) {
        inits[i]();
    }
}

void vgpu_packaged_add_init(void (*fn)(void), module_init_type type)
{
    assert(nr_inits < MAX_INITS);
    inits[nr_inits++] = fn;
}

void vgpu_packaged_register(const TypeInfo *infos, int nr_infos)
{
    int i;

    for (i = 0; i < nr_infos; i++) {
        if (object_class_by_name(infos[i].name)) {
            refuse("not loaded: this QEMU has the device %s already, built in "
                   "or loaded before; leave out this one", infos[i].name);
        }
    }
    type_register_static_array(infos, nr_infos);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Takes this object out of LD_PRELOAD: programs that QEMU starts do without. */
static void forget_preload(void)
{
    const char *list = getenv("LD_PRELOAD");
    char *words, *word, *state, *rest;
    Dl_info self;

    if (!list || !dladdr(forget_preload, &self)) {
        return;
    }
    words = strdup(list);
    rest = calloc(1, strlen(list) + 1);
    for (word = strtok_r(words, " :", &state); word;
         word = strtok_r(NULL, " :", &state)) {
        if (strcmp(base_name(word), base_name(self.dli_fname))) {
            strcat(rest, *rest ? ":" : "");
            strcat(rest, word);
        }
    }
    if (*rest) {
        setenv("LD_PRELOAD", rest, 1);
    } else {
        unsetenv("LD_PRELOAD");
    }
    free(words);
    free(rest);
}

/* A program with that name, whether or not it exports anything. */
static bool is_system_emulator(void)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

    path[MAX(length, 0)] = '\0';
    return strstr(base_name(path), "qemu-system");
}

/*
 * Called when the object is loaded. By LD_PRELOAD that is before the types of
 * QEMU are there; what is registered for migration is called right after them.
 */
static void __attribute__((constructor)) start(void)
{
    if (!qmp_query_version && !is_system_emulator()) {
        return;
    }
    check_version();
    if (!object_class_by_name(TYPE_PCI_DEVICE)) {
        forget_preload();
        register_module_init(load, MODULE_INIT_MIGRATION);
    }
}

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

/* Called by -plugin, with the types of QEMU there. */
QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id,
                                           const qemu_info_t *info, int argc,
                                           char **argv)
{
    check_version();
    load();
    return 0;
}
