"""Plots of docs/health-simulation.md from the simulation: `make sim-plots`.

    plot.py REPORT DIRECTORY [REPORT_BEFORE]

REPORT is build/sim/report_health; REPORT_BEFORE the same program built from older policies, for the comparison.
"""

import pathlib
import subprocess
import sys

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402

LANES = ["Purchase", "AddToCart", "ViewContent", "Lead", "Subscribe", "destination"]
COLORS = {"open": "#c0392b", "half_open": "#e67e22", "ramp": "#f1c40f"}
OUTCOMES = {"delivered": "#2e86c1", "failed or rejected": "#7b241c", "diverted": "#bdc3c7"}
SCENES = {
    "all 5xx": "all-5xx",
    "all hang 10 s": "all-hang",
    "one type 5xx": "one-type-5xx",
    "flapping 20 s": "flapping",
    "all rejected": "all-rejected",
}
RATE, SEED = "50", "1"


def read_trace(program, scene):
    """The fault's begin, end and the run's; spells of (lane, state, from, until); counts by second."""
    text = subprocess.run([program, "--trace", scene, RATE, SEED], capture_output=True, text=True, check=True).stdout
    times, spells, seconds, since = None, [], [], {}
    for line in text.splitlines():
        kind, *fields = line.split(",")
        if kind == "fault":
            times = tuple(map(int, fields))
        elif kind == "second":
            seconds.append(tuple(map(int, fields)))
        elif kind == "state":
            at, lane, state = float(fields[0]), int(fields[1]), fields[2]
            if lane in since:
                spells.append((lane, since[lane][1], since[lane][0], at))
            since[lane] = (at, state)
    spells += [(lane, state, at, times[2]) for lane, (at, state) in since.items()]
    return times, spells, seconds


def windows(times, scene):
    begin, end, _ = times
    if scene.startswith("flapping"):
        return [(0, 300), (1800, 2100)]
    return [(begin - 20, begin + 100), (end - 60, end + 90)]


def draw_states(axes, spells, left, right):
    for lane, state, begin, end in spells:
        if state in COLORS and end > left and begin < right:
            axes.broken_barh([(begin, end - begin)], (lane - 0.4, 0.8), color=COLORS[state], linewidth=0)
    axes.set_yticks(range(len(LANES)), LANES)
    axes.set_ylim(len(LANES) - 0.5, -0.5)


def draw_shares(axes, seconds, left, right):
    rows = [row for row in seconds if left <= row[0] < right]
    shares = [[n / max(1, sum(row[1:])) for n in row[1:]] for row in rows]
    axes.stackplot([row[0] for row in rows], *zip(*shares), colors=OUTCOMES.values(), step="post", linewidth=0)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    axes.set_xlabel("seconds")


def draw_timeline(program, scene, path):
    times, spells, seconds = read_trace(program, scene)
    figure, axes = plt.subplots(2, 2, figsize=(9, 3.6), sharex="col", sharey="row", height_ratios=[2, 1])
    for column, (left, right) in enumerate(windows(times, scene)):
        draw_states(axes[0][column], spells, left, right)
        draw_shares(axes[1][column], seconds, left, right)
        axes[1][column].set_xlim(left, right)
        for mark in times[:2]:
            if left < mark < right:
                for one in axes[:, column]:
                    one.axvline(mark, color="black", linewidth=0.8, linestyle="--")
    handles = [plt.Rectangle((0, 0), 1, 1, color=c) for c in [*COLORS.values(), *OUTCOMES.values()]]
    figure.legend(handles, [*COLORS, *OUTCOMES], loc="outside upper center", ncols=6, frameon=False)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def read_table(program):
    """By scene and rate: the mean of the first open in seconds, and the shares in percent."""
    out = {}
    for line in subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()[2:]:
        cells = [c.strip() for c in line.strip("| ").split("|")]
        opened = cells[3].split()
        out[cells[0], cells[1]] = {
            "open": float(opened[0]) if opened else None,
            "failed": float(cells[7].split()[0]),
            "rejected": float(cells[8].split()[0]),
        }
    return out


def draw_comparison(before, after, path):
    chosen = [("all 5xx", "1"), ("all 5xx", "50"), ("all refused", "50"), ("one type 5xx", "500"),
              ("one type rejected", "50"), ("all rejected", "50"), ("all rejected", "500")]
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
    for axis, title, measure in ((axes[0], "first open after the fault began, s", lambda row: row["open"]),
                                 (axes[1], "events failed or rejected, %", lambda row: row["failed"] + row["rejected"])):
        for offset, table, color, name in ((-0.2, before, "#bdc3c7", "before"), (0.2, after, "#2e86c1", "after")):
            values = [measure(table[key]) or 0 for key in chosen]
            bars = axis.barh([i + offset for i in range(len(chosen))], values, 0.38, color=color, label=name)
            axis.bar_label(bars, fmt="%.2g", padding=2, fontsize=8)
        axis.set_title(title, fontsize=10)
        axis.margins(x=0.12)
    axes[0].set_yticks(range(len(chosen)), [f"{scene}, {rate}/s" for scene, rate in chosen])
    axes[0].invert_yaxis()
    axes[1].legend(frameon=False)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def main():
    program, directory = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    directory.mkdir(parents=True, exist_ok=True)
    plt.rcParams.update({"font.size": 9,
                         "figure.constrained_layout.use": True, "axes.spines.top": False, "axes.spines.right": False})
    for scene, name in SCENES.items():
        draw_timeline(program, scene, directory / f"health-{name}.png")
    if len(sys.argv) > 3:
        before = pathlib.Path(sys.argv[3]).resolve()
        draw_comparison(read_table(before), read_table(program), directory / "health-before-after.png")


main()
