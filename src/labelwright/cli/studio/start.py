"""`labelwright studio DATA`: see what is wrong with the labels and mend it, in the browser."""

from __future__ import annotations

from pathlib import Path
from time import localtime, strftime
from typing import Annotated

from typer import Argument, Option

from labelwright.cli import options as opt

SERVER = "Who can reach it"


def command(
    data: Annotated[Path, Argument(metavar="DATA|AUDIT_DIR", help="The data, or the folder of an audit.")],
    label: opt.Label = None,
    task: opt.AuditTask = None,
    text: opt.Text = None,
    image: opt.Image = None,
    features: opt.Features = None,
    pred_probs: opt.PredProbs = None,
    predictions: opt.Predictions = None,
    images: opt.Images = None,
    classes: opt.Classes = None,
    id: opt.Id = None,
    root: opt.Root = None,
    project: Annotated[
        Path | None, Option(metavar="DIR", help="Folder of the decisions. Default: NAME-studio beside the data.")
    ] = None,
    database: Annotated[
        Path | None,
        Option("--database-file", metavar="FILE", help="A file with the URL of a PostgreSQL database."),
    ] = None,
    host: Annotated[str, Option(help="Address to listen on.", rich_help_panel=SERVER)] = "127.0.0.1",
    port: Annotated[int, Option(min=1, max=65535, help="Port.", rich_help_panel=SERVER)] = 8137,
    tls_cert: Annotated[Path | None, Option(metavar="FILE", help="Certificate.", rich_help_panel=SERVER)] = None,
    tls_key: Annotated[Path | None, Option(metavar="FILE", help="Its key.", rich_help_panel=SERVER)] = None,
    behind_proxy: Annotated[bool, Option(help="A proxy in front speaks TLS.", rich_help_panel=SERVER)] = False,
    public_url: Annotated[
        str | None, Option(metavar="URL", help="What browsers see of the proxy.", rich_help_panel=SERVER)
    ] = None,
    workers: Annotated[
        int,
        Option(metavar="N", min=1, max=64, help="Processes that serve; PostgreSQL only.", rich_help_panel=SERVER),
    ] = 1,
    seed: Annotated[int, Option(metavar="S", min=0, help="Same seed, same result.")] = 0,
    jobs: Annotated[int | None, Option(metavar="N", min=1, help="Processes. Default: the cores there are.")] = None,
) -> None:
    """See what is wrong with the labels and mend it, in the browser."""
    from labelwright.cli.console import progress_for, say
    from labelwright.studio.serve import Bind, database_url, serve
    from labelwright.studio.studio import open_studio
    from labelwright.studio.workers import check_workers

    url = database_url(database)
    check_workers(workers, in_sqlite=(url or "sqlite").startswith("sqlite"))  # before the data are audited
    studio = open_studio(
        data,
        project=project,
        database_url=url,
        progress=progress_for(False),
        label=label,
        task=task,
        text=tuple(text.split(",")) if text else (),
        image=image,
        features=features,
        pred_probs=pred_probs,
        predictions=predictions,
        images=images,
        classes=classes,
        id=id,
        root=root,
        seed=seed,
        jobs=jobs,
    )
    if studio.audited_at is not None:
        when = strftime("%Y-%m-%d %H:%M", localtime(studio.audited_at))
        say(f"The audit of {when} is used again: neither the data nor the options have changed since.")
    try:
        serve(studio, Bind(host, port, tls_cert, tls_key, behind_proxy, public_url), say, workers)
    finally:
        studio.close()
