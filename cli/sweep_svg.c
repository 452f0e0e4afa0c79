/* SPDX-License-Identifier: Apache-2.0
 *
 * curves.svg: two panels over one axis, the AUROC of pictures and the error of normal ones, against
 * what was swept. Values stand at equal distances in the order they were given (they are often no
 * numbers: 4x4x1, 8x8x1). A line per data set and configuration; bars are +- one standard
 * deviation over the seeds.
 */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "cli/sweep.h"

#define SVG_WIDTH 860
#define SVG_LEFT 78
#define SVG_RIGHT 24
#define SVG_TOP 44
#define SVG_PANEL 260
#define SVG_GAP 90
#define SVG_LINE 20 /* of the legend */
#define SVG_TICKS 6

/* Okabe and Ito's colours, told apart also by colour-blind eyes; yellow left out. */
static const char *const svg_colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                          "#e69f00", "#56b4e9", "#000000"};

struct svg {
    struct oddi_str *s;
    const struct sweep *sweep;
    int axis;    /* that is swept */
    int *series; /* run that stands for each line */
    int lines;
};
struct svg_panel {
    enum sweep_metric metric;
    const char *title;
    double top; /* y of the upper edge */
    double low, high, step;
    int digits;
};

static void svg_text(struct oddi_str *s, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            oddi_str_add(s, "&lt;");
        else if (*text == '&')
            oddi_str_add(s, "&amp;");
        else
            oddi_str_add_size(s, (unsigned char)*text < 0x20 ? " " : text, 1);
    }
}

static double svg_x(const struct svg *v, int value)
{
    int count = v->sweep->axis[v->axis].count;
    double width = SVG_WIDTH - SVG_LEFT - SVG_RIGHT;
    return SVG_LEFT + width * (value + 0.5) / count;
}

static double svg_y(const struct svg_panel *p, double value)
{
    return p->top + SVG_PANEL * (p->high - value) / (p->high - p->low);
}

/* The run of a series at a value of the swept axis. */
static const struct sweep_run *svg_run(const struct svg *v, int line, int value)
{
    const struct sweep *w = v->sweep;
    const struct sweep_run *first = &w->run[v->series[line]];
    const char *wanted = w->axis[v->axis].value[value];
    for (int i = v->series[line]; i < w->runs; i++)
        if (w->run[i].value[v->axis] == wanted && sweep_same(w, first, &w->run[i], v->axis))
            return &w->run[i];
    return NULL;
}

static struct sweep_mean svg_mean(const struct svg *v, const struct svg_panel *p, int line,
                                  int value)
{
    const struct sweep_run *run = svg_run(v, line, value);
    struct sweep_mean none = {NAN, NAN, 0};
    return run ? sweep_mean_of(v->sweep, run, p->metric) : none;
}

/* ---- scale --------------------------------------------------------------------------------- */

/* Steps of 1, 2 or 5 times a power of ten, about SVG_TICKS of them, whole at both ends. */
static void svg_scale(struct svg_panel *p)
{
    double span = p->high - p->low;
    if (!(span > 0))
        span = fabs(p->high) > 0 ? fabs(p->high) * 0.1 : 1;
    double rough = span / SVG_TICKS, power = pow(10, floor(log10(rough)));
    double unit = rough / power;
    p->step = power * (unit <= 1 ? 1 : unit <= 2 ? 2 : unit <= 5 ? 5 : 10);
    p->low = floor(p->low / p->step + 1e-9) * p->step;
    p->high = ceil(p->high / p->step - 1e-9) * p->step;
    if (p->high <= p->low)
        p->high = p->low + p->step;
    p->digits = (int)fmax(0, -floor(log10(p->step) + 1e-9));
}

/* False when no run has this metric. */
static bool svg_range(const struct svg *v, struct svg_panel *p)
{
    bool any = false;
    for (int line = 0; line < v->lines; line++)
        for (int i = 0; i < v->sweep->axis[v->axis].count; i++) {
            struct sweep_mean m = svg_mean(v, p, line, i);
            double bar = isfinite(m.spread) ? m.spread : 0;
            if (!m.count)
                continue;
            p->low = any ? fmin(p->low, m.mean - bar) : m.mean - bar;
            p->high = any ? fmax(p->high, m.mean + bar) : m.mean + bar;
            any = true;
        }
    if (!any)
        return false;
    if (p->metric == SWEEP_reconstruction)
        p->low = fmin(p->low, 0); /* an error has a true zero */
    else if (p->high > 1)
        p->high = 1;
    svg_scale(p);
    return true;
}

/* ---- drawing ------------------------------------------------------------------------------- */

static void svg_grid(const struct svg *v, const struct svg_panel *p)
{
    const struct sweep_axis *axis = &v->sweep->axis[v->axis];
    int right = SVG_WIDTH - SVG_RIGHT;
    int ticks = (int)lround((p->high - p->low) / p->step);
    oddi_str_addf(v->s, "<text x=\"%d\" y=\"%.1f\" class=\"t\">", SVG_LEFT, p->top - 12);
    svg_text(v->s, p->title);
    oddi_str_add(v->s, "</text>\n");
    for (int i = 0; i <= ticks; i++) {
        double value = p->low + i * p->step, y = svg_y(p, value);
        oddi_str_addf(v->s,
                      "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" class=\"g\"/>"
                      "<text x=\"%d\" y=\"%.1f\" class=\"y\">%.*f</text>\n",
                      SVG_LEFT, right, y, y, SVG_LEFT - 8, y + 4, p->digits, value);
    }
    if (p->metric == SWEEP_image_auroc && p->low < 0.5 && p->high > 0.5)
        oddi_str_addf(v->s, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" class=\"c\"/>\n",
                      SVG_LEFT, right, svg_y(p, 0.5), svg_y(p, 0.5));
    for (int i = 0; i < axis->count; i++) {
        oddi_str_addf(v->s, "<text x=\"%.1f\" y=\"%.1f\" class=\"x\">", svg_x(v, i),
                      p->top + SVG_PANEL + 18);
        svg_text(v->s, axis->value[i]);
        oddi_str_add(v->s, "</text>\n");
    }
    oddi_str_addf(v->s, "<text x=\"%.1f\" y=\"%.1f\" class=\"x n\">", (SVG_LEFT + right) / 2.0,
                  p->top + SVG_PANEL + 38);
    svg_text(v->s, axis->name);
    oddi_str_add(v->s, "</text>\n");
}

/* Lines of one value lie beside each other by a few pixels, so that bars do not hide bars. */
static double svg_shift(const struct svg *v, int line)
{
    double room = (svg_x(v, 1) - svg_x(v, 0)) * 0.5;
    double step = v->lines > 1 ? fmin(7, room / v->lines) : 0;
    return (line - (v->lines - 1) / 2.0) * step;
}

static void svg_line(const struct svg *v, const struct svg_panel *p, int line)
{
    const char *colour = svg_colours[(size_t)line % ODDI_COUNT(svg_colours)];
    struct oddi_str path;
    bool pen = false;
    oddi_str_init(&path, v->s->ctx);
    for (int i = 0; i < v->sweep->axis[v->axis].count; i++) {
        struct sweep_mean m = svg_mean(v, p, line, i);
        double x = svg_x(v, i) + svg_shift(v, line), y = svg_y(p, m.mean);
        if (!m.count) {
            pen = false;
            continue;
        }
        oddi_str_addf(&path, "%c%.1f %.1f", pen ? 'L' : 'M', x, y);
        pen = true;
        oddi_str_addf(v->s, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>", x, y, colour);
        if (isfinite(m.spread))
            oddi_str_addf(v->s,
                          "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
                          "stroke-width=\"1.5\"/>",
                          x, x, svg_y(p, fmax(m.mean - m.spread, p->low)),
                          svg_y(p, fmin(m.mean + m.spread, p->high)), colour);
    }
    if (path.length)
        oddi_str_addf(v->s, "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s/>\n",
                      path.text, colour,
                      (size_t)line >= ODDI_COUNT(svg_colours) ? " stroke-dasharray=\"6 4\"" : "");
    oddi_str_release(&path);
}

static void svg_legend(const struct svg *v, double top)
{
    for (int line = 0; line < v->lines; line++) {
        const struct sweep_run *run = &v->sweep->run[v->series[line]];
        struct oddi_str label;
        oddi_str_init(&label, v->s->ctx);
        if (v->sweep->axis[0].count > 1)
            oddi_str_addf(&label, "%s ", oddi_path_base(run->value[0]));
        sweep_label(&label, v->sweep, run, v->axis);
        double y = top + SVG_LINE * line;
        oddi_str_addf(v->s,
                      "<rect x=\"%d\" y=\"%.1f\" width=\"18\" height=\"4\" fill=\"%s\"/>"
                      "<text x=\"%d\" y=\"%.1f\" class=\"l\">",
                      SVG_LEFT, y - 6, svg_colours[(size_t)line % ODDI_COUNT(svg_colours)],
                      SVG_LEFT + 26, y);
        svg_text(v->s, label.length ? label.text : run->value[0]);
        oddi_str_add(v->s, "</text>\n");
        oddi_str_release(&label);
    }
}

static const char svg_style[] =
    "<style>text{font:13px sans-serif;fill:#222}.t{font-weight:bold;font-size:15px}"
    ".y{text-anchor:end}.x{text-anchor:middle}.n{font-style:italic}"
    ".g{stroke:#ddd}.c{stroke:#888;stroke-dasharray:3 4}</style>\n"
    "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";

static void svg_draw(const struct svg *v)
{
    struct svg_panel panels[] = {
        {.metric = SWEEP_image_auroc, .title = "AUROC of pictures (0.5 is chance)"},
        {.metric = SWEEP_reconstruction, .title = "error of normal test pictures"}};
    double top = SVG_TOP;
    int shown = 0;
    for (size_t i = 0; i < ODDI_COUNT(panels); i++)
        shown += svg_range(v, &panels[i]);
    double height = SVG_TOP + shown * (SVG_PANEL + SVG_GAP) + SVG_LINE * v->lines + 8;
    oddi_str_addf(v->s,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" "
                  "viewBox=\"0 0 %d %.0f\">\n%s",
                  SVG_WIDTH, height, SVG_WIDTH, height, svg_style);
    for (size_t i = 0; i < ODDI_COUNT(panels); i++) {
        if (!(panels[i].high > panels[i].low))
            continue;
        panels[i].top = top;
        svg_grid(v, &panels[i]);
        for (int line = 0; line < v->lines; line++)
            svg_line(v, &panels[i], line);
        top += SVG_PANEL + SVG_GAP;
    }
    svg_legend(v, top);
    oddi_str_add(v->s, "</svg>\n");
}

/* One line for each set of runs that differ on the swept axis and in the seed only. */
static odd_status svg_find_series(struct svg *v)
{
    const struct sweep *w = v->sweep;
    v->series = oddi_arena_alloc(&w->cli->arena, (size_t)w->runs * sizeof *v->series);
    if (!v->series)
        return ODD_ENOMEM;
    for (int i = 0; i < w->runs; i++) {
        bool known = false;
        for (int line = 0; line < v->lines && !known; line++)
            known = sweep_same(w, &w->run[v->series[line]], &w->run[i], v->axis);
        if (!known)
            v->series[v->lines++] = i;
    }
    return ODD_OK;
}

odd_status sweep_write_svg(struct sweep *sweep)
{
    struct oddi_str s;
    struct svg v = {.s = &s, .sweep = sweep, .axis = sweep_curve_axis(sweep)};
    char *path = NULL;
    odd_status status = svg_find_series(&v);
    if (status != ODD_OK)
        return status;
    oddi_str_init(&s, sweep->cli->ctx);
    svg_draw(&v);
    TRY(oddi_str_status(&s));
    path = oddi_path_join(sweep->cli->ctx, sweep->folder, "curves.svg");
    status = path ? oddi_file_write(sweep->cli->ctx, path, s.text, s.length) : ODD_ENOMEM;
out:
    oddi_free(sweep->cli->ctx, path);
    oddi_str_release(&s);
    return status;
}
