/*
 * A disk that forgets: preloaded into the server, it keeps for every file below CREW_SHIM_FOLDER what a power cut would bring back.
 *
 *   write     the first change of a page since the last sync saves what the page held before (its pre-image)
 *   fsync     done: the pre-images of that file are forgotten. Failed: its changed pages are poisoned, as Linux does it: they count as
 *             clean, so a later sync without a new write does not make them durable; every descriptor that was open then is told once,
 *             whichever of them asked first (errseq_t, since Linux 4.13)
 *   names     files made, moved and removed are undone until their folder is synced (a new file also by its own sync)
 *
 * The journals lie in CREW_SHIM_JOURNAL and outlive the process, so a kill at any moment loses nothing of them; the test plays them back.
 * CREW_SHIM_CONTROL is a file of 64-bit numbers shared with the test, which delays and fails calls while the server runs.
 * SQLite's -shm is not tracked: it is rebuilt by the first connection after a crash.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096
#define MOST_FDS 65536

enum { SYNC_DELAY_US, SYNC_FAIL_IN, SYNC_STICKY, SYNC_ERRNO, WRITE_FAIL_IN, WRITE_STICKY, WRITE_ERRNO, SYNCS, WRITES, FAILURES, TRUNCATIONS, MAPPINGS, CONTROLS };

typedef struct file {
    struct file *next;
    dev_t device;
    ino_t inode;
    int reads;                 /* never closed: closing it would drop the process's locks on the file */
    int journal;
    char name[PATH_MAX];       /* where it was opened first */
    char journal_path[PATH_MAX];
    pthread_mutex_t lock;
    unsigned char *saved;      /* one byte a page: 1 changed since the last sync, 2 poisoned by a failed one */
    size_t pages;
    int is_dirty;
    int errors;                /* syncs that failed */
} file_t;

typedef struct name_change { struct name_change *next; char line[3 * PATH_MAX]; char folder[PATH_MAX]; char other[PATH_MAX]; } name_change_t;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static int (*real_fsync)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_fallocate)(int, int, off_t, off_t);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);
static int (*real_link)(const char *, const char *);
static void *(*real_mmap)(void *, size_t, int, int, int, off_t);

static const char *root, *journals;
static size_t root_length;
static _Atomic int64_t *control;
static file_t *_Atomic by_fd[MOST_FDS];
static int told[MOST_FDS];     /* of how many failed syncs of its file a descriptor knows */
static file_t *all_files;
static name_change_t *names;
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int saved_names;

static void die(const char *why) { dprintf(2, "powercut: %s: %s\n", why, strerror(errno)); _exit(99); }

__attribute__((constructor)) static void begin(void) {
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_pwritev = dlsym(RTLD_NEXT, "pwritev64");
    real_open = dlsym(RTLD_NEXT, "open64");
    real_close = dlsym(RTLD_NEXT, "close");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_fallocate = dlsym(RTLD_NEXT, "fallocate64");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_link = dlsym(RTLD_NEXT, "link");
    real_mmap = dlsym(RTLD_NEXT, "mmap64");
    journals = getenv("CREW_SHIM_JOURNAL");
    const char *folder = getenv("CREW_SHIM_FOLDER"), *shared = getenv("CREW_SHIM_CONTROL");
    if (!folder || !journals || !shared) return;
    int fd = real_open(shared, O_RDWR);
    if (fd < 0) die(shared);
    control = real_mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (control == MAP_FAILED) die("mmap");
    root_length = strlen(folder);
    root = folder;
}

static int is_ours(const char *path) {
    size_t length;
    return root && path && path[0] == '/' && strncmp(path, root, root_length) == 0
        && !((length = strlen(path)) > 4 && strcmp(path + length - 4, "-shm") == 0);
}

static size_t path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return length < 0 ? 0 : (size_t)length;
}

static void parent_of(const char *path, char *parent) {
    const char *slash = strrchr(path, '/');
    snprintf(parent, PATH_MAX, "%.*s", (int)(slash - path), path);
}

/* ---- names ---------------------------------------------------------------------------------------------------------------- */

static void rewrite_names(void) {
    char path[PATH_MAX], next[PATH_MAX];
    snprintf(path, sizeof path, "%s/names.undo", journals);
    snprintf(next, sizeof next, "%s/names.next", journals);
    int fd = real_open(next, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) die(next);
    for (name_change_t *change = names; change; change = change->next) /* newest first, the order of undoing */
        if (real_write(fd, change->line, strlen(change->line)) < 0) die(next);
    real_close(fd);
    if (real_rename(next, path) != 0) die(path);
}

static void note_name(const char *kind, const char *path, const char *to, const char *saved) {
    name_change_t *change = calloc(1, sizeof *change);
    snprintf(change->line, sizeof change->line, "%s\t%s\t%s\t%s\n", kind, path, to, saved);
    parent_of(to[0] ? to : path, change->folder);
    snprintf(change->other, sizeof change->other, "%s", path);
    pthread_mutex_lock(&names_lock);
    change->next = names;
    names = change;
    rewrite_names();
    pthread_mutex_unlock(&names_lock);
}

/* A synced folder has all its names. A new file that is synced has its name, and file systems keep the order: what was older is there, too. */
static void forget_names(const char *folder, const char *created) {
    pthread_mutex_lock(&names_lock);
    int forgot = 0;
    char parent[PATH_MAX];
    for (name_change_t **at = &names; *at;) {
        name_change_t *change = *at;
        if (!folder && change->line[0] == 'C' && strcmp(change->other, created) == 0) {
            parent_of(created, parent);
            folder = parent;
        }
        if (folder && strcmp(change->folder, folder) == 0) {
            *at = change->next;
            free(change);
            forgot = 1;
        } else at = &change->next;
    }
    if (forgot) rewrite_names();
    pthread_mutex_unlock(&names_lock);
}

/* A second name for what is about to lose its last one. Empty: there was nothing. */
static void keep(const char *path, char *saved) {
    snprintf(saved, PATH_MAX, "%s/kept.%d.%d", journals, (int)getpid(), atomic_fetch_add(&saved_names, 1));
    if (real_link(path, saved) != 0) saved[0] = 0;
}

/* ---- files ---------------------------------------------------------------------------------------------------------------- */

static file_t *track(int fd, const char *path) {
    struct stat info;
    if (fd < 0 || fd >= MOST_FDS || fstat(fd, &info) != 0) return NULL;
    if (!S_ISREG(info.st_mode)) return NULL;
    pthread_mutex_lock(&all_lock);
    file_t *file = all_files;
    while (file && (file->inode != info.st_ino || file->device != info.st_dev)) file = file->next;
    if (!file) {
        file = calloc(1, sizeof *file);
        file->device = info.st_dev;
        file->inode = info.st_ino;
        snprintf(file->name, sizeof file->name, "%s", path);
        snprintf(file->journal_path, sizeof file->journal_path, "%s/%lu.undo", journals, (unsigned long)info.st_ino);
        pthread_mutex_init(&file->lock, NULL);
        if ((file->reads = real_open(path, O_RDONLY | O_CLOEXEC)) < 0) die(path);
        if ((file->journal = real_open(file->journal_path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600)) < 0) die(file->journal_path);
        file->next = all_files;
        all_files = file;
    }
    by_fd[fd] = file;
    told[fd] = file->errors;
    pthread_mutex_unlock(&all_lock);
    return file;
}

/* A journal record: offset, length, bytes. The first one holds the path and, as its offset, the size that was durable. */
static void append(file_t *file, uint64_t offset, const void *bytes, uint64_t length) {
    uint64_t head[2] = { offset, length };
    struct iovec parts[2] = { { head, sizeof head }, { (void *)bytes, length } };
    if (writev(file->journal, parts, 2) != (ssize_t)(sizeof head + length)) die("journal");
}

static off_t size_of(file_t *file) { struct stat info; if (fstat(file->reads, &info) != 0) die("fstat"); return info.st_size; }

static void head(file_t *file) {
    char path[PATH_MAX];
    if (file->is_dirty) return;
    file->is_dirty = 1;
    append(file, (uint64_t)size_of(file), path, (uint64_t)path_of(file->reads, path));
}

static void save(file_t *file, off_t from, off_t to) {
    unsigned char page[PAGE];
    head(file);
    for (size_t number = from / PAGE; (off_t)(number * PAGE) < to; number++) {
        if (number >= file->pages) {
            size_t pages = number * 2 + 64;
            file->saved = realloc(file->saved, pages);
            memset(file->saved + file->pages, 0, pages - file->pages);
            file->pages = pages;
        }
        if (!file->saved[number]) {
            ssize_t held = pread(file->reads, page, PAGE, (off_t)number * PAGE);
            append(file, number * PAGE, page, held < 0 ? 0 : (uint64_t)held);
        }
        file->saved[number] = 1; /* a poisoned page that is written again is dirty again */
    }
}

/* Keeps only what is still poisoned. */
static void forget(file_t *file) {
    int poisoned = 0;
    for (size_t number = 0; number < file->pages; number++) poisoned |= file->saved[number] == 2;
    if (!poisoned) {
        if (real_ftruncate(file->journal, 0) != 0) die("journal");
        memset(file->saved, 0, file->pages);
        file->is_dirty = 0;
        return;
    }
    off_t end = lseek(file->journal, 0, SEEK_END), at = 0;
    unsigned char *old = malloc(end);
    if (pread(file->journal, old, end, 0) != end || real_ftruncate(file->journal, 0) != 0) die("journal");
    file->is_dirty = 0;
    head(file);
    for (int first = 1; at < end; first = 0) {
        uint64_t offset, length;
        memcpy(&offset, old + at, 8);
        memcpy(&length, old + at + 8, 8);
        if (!first && file->saved[offset / PAGE] == 2) append(file, offset, old + at + 16, length);
        at += 16 + length;
    }
    for (size_t number = 0; number < file->pages; number++) if (file->saved[number] == 1) file->saved[number] = 0;
    free(old);
}

static int is_due(int counter, int sticky) {
    int64_t left = control[counter];
    if (left == 0) return control[sticky] != 0;
    if (left < 0) return 0;
    return atomic_fetch_sub(&control[counter], 1) == 1;
}

static int write_fails(void) {
    atomic_fetch_add(&control[WRITES], 1);
    if (!is_due(WRITE_FAIL_IN, WRITE_STICKY)) return 0;
    atomic_fetch_add(&control[FAILURES], 1);
    errno = (int)control[WRITE_ERRNO];
    return 1;
}

static file_t *file_of(int fd) { return fd >= 0 && fd < MOST_FDS ? by_fd[fd] : NULL; }

#define GUARDED(file, from, to, call) ({ \
    ssize_t done_; \
    pthread_mutex_lock(&(file)->lock); \
    if (write_fails()) done_ = -1; else { save(file, from, to); done_ = (call); } \
    pthread_mutex_unlock(&(file)->lock); \
    done_; })

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset) {
    file_t *file = file_of(fd);
    return file ? GUARDED(file, offset, offset + (off_t)count, real_pwrite(fd, bytes, count, offset)) : real_pwrite(fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return pwrite64(fd, bytes, count, offset); }

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset) {
    file_t *file = file_of(fd);
    off_t length = 0;
    for (int part = 0; part < count; part++) length += parts[part].iov_len;
    return file ? GUARDED(file, offset, offset + length, real_pwritev(fd, parts, count, offset)) : real_pwritev(fd, parts, count, offset);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    file_t *file = file_of(fd);
    if (!file) return real_write(fd, bytes, count);
    off_t at = lseek(fd, 0, SEEK_CUR);
    return GUARDED(file, at, at + (off_t)count, real_write(fd, bytes, count));
}

int ftruncate64(int fd, off_t size) {
    file_t *file = file_of(fd);
    if (!file) return real_ftruncate(fd, size);
    pthread_mutex_lock(&file->lock);
    atomic_fetch_add(&control[TRUNCATIONS], 1);
    off_t before = size_of(file);
    if (size < before) save(file, size, before); else head(file);
    int done = real_ftruncate(fd, size);
    pthread_mutex_unlock(&file->lock);
    return done;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int fallocate64(int fd, int mode, off_t offset, off_t length) {
    file_t *file = file_of(fd);
    if (!file) return real_fallocate(fd, mode, offset, length);
    pthread_mutex_lock(&file->lock);
    int done = -1;
    if (!write_fails()) { head(file); done = real_fallocate(fd, mode, offset, length); }
    pthread_mutex_unlock(&file->lock);
    return done;
}

int fallocate(int fd, int mode, off_t offset, off_t length) { return fallocate64(fd, mode, offset, length); }

int fsync(int fd) {
    file_t *file = file_of(fd);
    if (!file) {
        struct stat info;
        int done = real_fsync(fd);
        if (done == 0 && root && fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
            char folder[PATH_MAX];
            if (path_of(fd, folder)) forget_names(folder, NULL);
        }
        return done;
    }
    if (control[SYNC_DELAY_US] > 0) usleep((useconds_t)control[SYNC_DELAY_US]);
    pthread_mutex_lock(&file->lock);
    atomic_fetch_add(&control[SYNCS], 1);
    int failed = is_due(SYNC_FAIL_IN, SYNC_STICKY);
    if (failed) {
        for (size_t number = 0; number < file->pages; number++) if (file->saved[number]) file->saved[number] = 2;
        atomic_fetch_add(&control[FAILURES], 1);
        file->errors++;
    } else {
        forget(file);
        failed = told[fd] != file->errors;
    }
    told[fd] = file->errors;
    pthread_mutex_unlock(&file->lock);
    if (failed) { errno = (int)control[SYNC_ERRNO]; return -1; }
    forget_names(NULL, file->name);
    return 0;
}

int fdatasync(int fd) { return file_of(fd) ? fsync(fd) : real_fsync(fd); }

int open64(const char *path, int flags, ...) {
    mode_t mode = 0;
    if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }
    int ours = is_ours(path), existed = ours && access(path, F_OK) == 0;
    int fd = real_open(path, flags & ~O_TRUNC, mode);
    if (fd >= 0 && ours) {
        file_t *file = track(fd, path);
        if (file && !existed) note_name("C", path, "", "");
        if (file && (flags & O_TRUNC)) ftruncate64(fd, 0);
    } else if (fd >= 0 && (flags & O_TRUNC) && real_ftruncate(fd, 0) != 0 && errno != EINVAL) {
        real_close(fd);
        return -1;
    }
    return fd;
}

int open(const char *path, int flags, ...) {
    mode_t mode = 0;
    if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }
    return open64(path, flags, mode);
}

int close(int fd) {
    if (fd >= 0 && fd < MOST_FDS) by_fd[fd] = NULL;
    return real_close(fd);
}

int unlink(const char *path) {
    char saved[PATH_MAX];
    if (!is_ours(path)) return real_unlink(path);
    keep(path, saved);
    if (saved[0]) note_name("U", path, "", saved);
    return real_unlink(path);
}

int rename(const char *from, const char *to) {
    char saved[PATH_MAX];
    if (!is_ours(to)) return real_rename(from, to);
    keep(to, saved);
    note_name("R", from, to, saved);
    return real_rename(from, to);
}

int link(const char *from, const char *to) {
    int done = real_link(from, to);
    if (done == 0 && is_ours(to)) note_name("C", to, "", "");
    return done;
}

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    if (file_of(fd) && (protection & PROT_WRITE) && (flags & MAP_SHARED)) atomic_fetch_add(&control[MAPPINGS], 1);
    return real_mmap(address, length, protection, flags, fd, offset);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) { return mmap64(address, length, protection, flags, fd, offset); }
