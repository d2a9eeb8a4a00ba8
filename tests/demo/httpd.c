/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's side of the demo network: one page for every request, on a free port of 127.0.0.1 that it prints. QEMU's
 * user network shows the host's loopback to the guest as 10.0.2.2. Runs until it is killed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const char body[] = "Hello from the host's side of the network.\nThe net guest owns the card that carried this page.\n";

/* Reads the request's head to its empty line; a client that says nothing for 5 s is left. */
static void answer(int client)
{
    struct timeval patience = { .tv_sec = 5 };
    char head[4096], out[512];
    size_t got = 0;
    ssize_t n;
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    while (got < sizeof head - 1 && (n = read(client, head + got, sizeof head - 1 - got)) > 0) {
        got += (size_t)n;
        head[got] = 0;
        if (strstr(head, "\r\n\r\n") || strstr(head, "\n\n"))
            break;
    }
    int len = snprintf(out, sizeof out, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                       sizeof body - 1, body);
    for (int at = 0; at < len && (n = write(client, out + at, (size_t)(len - at))) > 0;)
        at += (int)n;
    shutdown(client, SHUT_WR);
    while (read(client, head, sizeof head) > 0)      /* until the guest has closed: no reset cuts the page */
        ;
}

int main(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    signal(SIGPIPE, SIG_IGN);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &len) != 0) {
        perror("httpd: 127.0.0.1");
        return 1;
    }
    printf("%u\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0)
            continue;
        answer(client);
        close(client);
    }
}
