# syntax=docker/dockerfile:1
# Two targets with the same program: `cpu`, and `gpu` with TensorFlow's CUDA libraries.
#   docker build --target cpu --tag pneumoscreen:cpu .
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/pneumoscreen
ENV PATH=/opt/pneumoscreen/bin:$PATH
WORKDIR /build

# Dependencies first: they change seldom, and every file of them is checked against its hash.
FROM build AS build-cpu
COPY requirements/cpu.txt requirements/
RUN pip install --require-hashes --requirement requirements/cpu.txt
COPY . .
RUN pip install --no-deps --no-build-isolation .

FROM build AS build-gpu
COPY requirements/gpu.txt requirements/
RUN pip install --require-hashes --requirement requirements/gpu.txt
COPY . .
RUN pip install --no-deps --no-build-isolation .

FROM python:${PYTHON}-slim-bookworm AS runtime
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin pneumoscreen
ENV PATH=/opt/pneumoscreen/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    # The device is shared with nobody else's whole memory: take what is needed, when it is.
    TF_FORCE_GPU_ALLOW_GROWTH=true
USER 10001:10001
WORKDIR /tmp
# Reader processes are killed by their parent and leave children to process 1: run with an init
# (`docker run --init`, or `init: true` in the compose file).
ENTRYPOINT ["pneumoscreen"]
CMD ["doctor"]

FROM runtime AS gpu
COPY --from=build-gpu /opt/pneumoscreen /opt/pneumoscreen

FROM runtime AS cpu
COPY --from=build-cpu /opt/pneumoscreen /opt/pneumoscreen
