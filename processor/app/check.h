/**
 * check - `detour check -c FILE`: is the configuration right, and, with --online, does
 * the world fit it.
 *
 * Every error is looked for, not just the first: what can be read of a broken file goes
 * on to the schemas, maps and matches. --online adds brokers, topics, the registry and
 * each credential.
 */
#ifndef APP_CHECK_H
#define APP_CHECK_H

/** Exit codes: 0 all is right, 1 it is not, 2 wrong usage or no such file, 3 not reachable. */
int check_command(int argc, char **argv);

#endif /* APP_CHECK_H */
