/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's side of the demo network: one HTTP answer on standard output. QEMU's user network starts it for each
 * connection to 10.0.2.100:80 (guestfwd=...-cmd:...), so that there is no port to choose and none left open. */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    char line[1024], body[1024];
    const char *text = argc > 1 ? argv[1] : "Hello from the host's side of the network.";
    while (fgets(line, sizeof line, stdin) && strcmp(line, "\r\n") != 0 && strcmp(line, "\n") != 0)
        ;
    int len = snprintf(body, sizeof body, "%s\nThe net guest owns the card that carried this page.\n", text);
    printf("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len, body);
    return fflush(stdout) != 0;
}
