/* What the tests of the shim run under it: probe FILE, with the words of a small language as further arguments. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <signal.h>

int main(int count, char **words) {
    int fd = open(words[1], O_RDWR | O_CREAT, 0600), other = open(words[1], O_RDWR);
    for (int at = 2; at < count; at++) {
        if (strcmp(words[at], "sync") == 0) printf("%d\n", fsync(fd));
        else if (strcmp(words[at], "other") == 0) printf("%d\n", fsync(other));
        else if (strcmp(words[at], "cut") == 0) printf("%d\n", ftruncate(fd, 1));
        else if (strcmp(words[at], "move") == 0) { char to[4096]; snprintf(to, sizeof to, "%s.moved", words[1]); printf("%d\n", rename(words[1], to)); }
        else { pwrite(fd, words[at], strlen(words[at]), 0); }
    }
    fflush(stdout);
    kill(getpid(), SIGKILL);
}
