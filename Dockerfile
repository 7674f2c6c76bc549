# srfeat_jax with all that training needs.
#   docker build --tag=srfeat_jax:cuda --build-arg=ACCELERATOR=cuda .
#   docker run --gpus=all --ipc=host --volume="$PWD/runs:/runs" srfeat_jax:cuda \
#     --config=configs/pretrain.py:srfeat_lite --workdir=/runs/srfeat_lite
# ACCELERATOR is cpu, cuda or tpu. Other programs than training:
#   docker run --entrypoint=python srfeat_jax:cpu -m srfeat_jax.evaluate --help
ARG ACCELERATOR=cpu

FROM python:3.12-slim AS base
ENV PYTHONUNBUFFERED=1
WORKDIR /srfeat_jax
COPY pyproject.toml requirements.txt README.md LICENSE ./
COPY srfeat_jax srfeat_jax
COPY launch launch

# On machines without the device it must not train on the CPU instead.
FROM base AS cpu
ENV JAX_PLATFORMS=cpu
RUN pip install --no-cache-dir --editable ".[train,gcs]"

FROM base AS cuda
ENV JAX_PLATFORMS=cuda,cpu
RUN pip install --no-cache-dir --editable ".[train,gcs,cuda]"

FROM base AS tpu
ENV JAX_PLATFORMS=tpu,cpu
RUN pip install --no-cache-dir --editable ".[train,gcs,tpu]"

# hadolint ignore=DL3006
FROM ${ACCELERATOR}
# Fails here, not in the cluster: every program starts, and a run ends.
RUN PYTHON=python JAX_PLATFORMS=cpu launch/check_install.sh \
  && useradd --uid=1000 --create-home trainer
USER 1000
ENTRYPOINT ["python", "-m", "srfeat_jax.main"]
