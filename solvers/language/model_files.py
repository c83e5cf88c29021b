"""Models, tokenizers and adapters: taken from names, folders or objects, and written as from_pretrained opens them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from arena.games.errors import NotProvided, SpecificationError
from arena.solvers.language.configuration import PreferenceConfig
from arena.solvers.language.copies import AdapterCopies, Copies, WholeCopies, without_dropout
from arena.solvers.language.sequence_logs import Scorer, splits

DEFAULT_ADAPTER = "default"

Model = Any
Tokenizer = Any
"""Of transformers, which carries no types."""


def load_copies(
    model: Model | str | Path,
    reference: Model | str | Path | None,
    peft_config: object,
    config: PreferenceConfig,
    device: torch.device,
) -> Copies:
    """The models of a run, each role on weights of its own or as adapters on one set.

    Raises:
        ValueError: model and reference are one object, or adapters that cannot be switched.
        NotProvided: no causal model, or weights to train in float16.
    """
    policy = _model(model, config)
    own = None if reference is None else _model(reference, config)
    if own is policy:
        raise ValueError("ref_model is the model itself, which will change; leave it out, and a copy is kept")
    wrapped = _wrapped(policy, peft_config)
    _refuse_half(wrapped)
    vocabulary = policy.config.vocab_size
    if own is not None and own.config.vocab_size != vocabulary:
        raise ValueError(
            f"model and ref_model must have one vocabulary; got {vocabulary} and {own.config.vocab_size} tokens"
        )
    if config.disable_dropout:
        without_dropout(wrapped)
    anchored = config.method.anchored
    copies: Copies
    if hasattr(wrapped, "peft_config"):
        copies = AdapterCopies(wrapped, own, anchored=anchored, device=device)
    else:
        if own is None and config.method.charged:
            own = _copy(model, policy, config)
        parked = config.loss_type == "inpo" and device.type != "cpu"
        copies = WholeCopies(wrapped, own, anchored=anchored, device=device, parked=parked)
    if config.gradient_checkpointing:
        _save_activations(wrapped)
        if hasattr(wrapped, "peft_config"):
            wrapped.enable_input_require_grads()
    return copies


def _save_activations(model: Model) -> None:
    """Gradient checkpointing, by the name that this version of transformers has for it."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    enable = getattr(inner, "activation_checkpointing_enable", None) or inner.gradient_checkpointing_enable
    name = "activation" if enable.__name__.startswith("activation") else "gradient"
    enable(**{f"{name}_checkpointing_kwargs": {"use_reentrant": False}})


def load_tokenizer(tokenizer: Tokenizer | None, model: Model | str | Path) -> Tokenizer:
    """The tokenizer given, or that of the model's folder.

    Raises:
        ValueError: none is given, and the model names no folder.
    """
    if tokenizer is not None:
        return tokenizer
    name = str(model) if isinstance(model, str | Path) else str(getattr(model, "name_or_path", "") or "")
    if not name:
        raise ValueError("processing_class is needed: the model was made in code and names no folder with a tokenizer")
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(name)


def scorer_of(model: Model, config: PreferenceConfig, device: torch.device) -> Scorer:
    """Of log-probabilities in chunks where the model's logits are its head of its last states, in one piece otherwise."""
    model.eval()
    vocabulary = int(model.config.vocab_size)
    chunk = config.logits_chunk if config.logits_chunk and splits(model, vocabulary, device) else None
    return Scorer(temperature=config.temperature, chunk=chunk)


def positions_of(config: Any) -> int | None:
    """The most tokens that a model of transformers with this configuration reads; None where it states no limit."""
    told = getattr(config.get_text_config(), "max_position_embeddings", None)
    return told if isinstance(told, int) and told > 0 else None


def pad_token(tokenizer: Tokenizer) -> int:
    """Any token will do: what is padded is masked."""
    for one in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if one is not None:
            return int(one)
    return 0


def save_policy(copies: Copies, folder: Path, *, merged: bool = False) -> None:
    """Writes the policy: its weights, or its adapters alone unless they are to be ``merged`` into whole weights."""
    if not isinstance(copies, AdapterCopies):
        copies.policy.save_pretrained(folder)
    elif merged:
        copy.deepcopy(copies.policy).merge_and_unload().save_pretrained(folder)
    else:
        copies.policy.save_pretrained(folder, selected_adapters=[DEFAULT_ADAPTER])


def policy_weights(copies: Copies) -> dict[str, Tensor]:
    """What `save_policy` writes, live and by the names of parameters."""
    named = dict(copies.policy.named_parameters())
    if not isinstance(copies, AdapterCopies):
        return named
    return {name: one for name, one in named.items() if f".{DEFAULT_ADAPTER}." in name}


def stored_weights(copies: Copies, folder: Path) -> dict[str, Tensor]:
    """What `save_policy` has written, by the names of parameters; safetensors alone are read.

    Raises:
        SpecificationError: the folder holds no weights of such a model.
    """
    if isinstance(copies, AdapterCopies):
        return _stored_adapters(copies, folder)
    policy = copies.policy
    try:
        stored, report = type(policy).from_pretrained(
            folder,
            config=policy.config,
            dtype=policy.dtype,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # reported, and refused here
            output_loading_info=True,
        )
    except Exception as error:  # noqa: BLE001  transformers raises many kinds at files that do not fit
        raise SpecificationError(f"{str(folder)!r} holds no weights of this model ({error})") from None
    for kind in ("missing_keys", "mismatched_keys"):
        if report.get(kind):
            raise SpecificationError(
                f"{str(folder)!r} does not fit this model: {kind} {sorted(map(str, report[kind]))[:3]}"
            )
    return dict(stored.named_parameters())


def _stored_adapters(copies: Copies, folder: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        held = load_file(folder / "adapter_model.safetensors")
    except (OSError, SafetensorError) as error:
        raise SpecificationError(f"{str(folder)!r} holds no adapters ({error})") from None
    names = {name.replace(f".{DEFAULT_ADAPTER}.", "."): name for name in policy_weights(copies)}
    return {names.get(name, name): one for name, one in held.items()}


def _model(model: Model | str | Path, config: PreferenceConfig) -> Model:
    if isinstance(model, str | Path):
        from transformers import AutoModelForCausalLM

        if (isinstance(model, Path) or model.startswith(("/", ".", "~"))) and not Path(model).is_dir():
            raise ValueError(f"no folder {str(model)!r} with a model")
        return AutoModelForCausalLM.from_pretrained(str(model), **_init_kwargs(config))
    if config.model_init_kwargs:
        raise ValueError("model_init_kwargs is for models given by name; this one is there already: leave it out")
    if not isinstance(model, torch.nn.Module) or not hasattr(model, "config"):
        raise NotProvided(f"model must be a causal model of transformers or its name; got a {type(model).__name__}")
    if hasattr(model, "_orig_mod"):
        raise NotProvided(
            "the model was compiled, which completions are not sampled with; give it as it was before torch.compile"
        )
    inner: Model = model
    if hasattr(model, "get_base_model"):
        inner = inner.get_base_model()
    if getattr(inner.config, "is_encoder_decoder", False) or inner.get_output_embeddings() is None:
        raise NotProvided(f"{type(inner).__name__} is no causal language model; load it with AutoModelForCausalLM")
    return model


def _init_kwargs(config: PreferenceConfig) -> dict[str, Any]:
    """As transformers wants them; a dtype may be given by its name."""
    given = dict(config.model_init_kwargs or {})
    dtype = given.get("dtype")
    if isinstance(dtype, str) and dtype != "auto":
        found = getattr(torch, dtype, None)
        if not isinstance(found, torch.dtype):
            raise ValueError(f"model_init_kwargs: no dtype {dtype!r}; float32 and bfloat16 are usual")
        given["dtype"] = found
    return given


def _refuse_half(model: Model) -> None:
    """float16 has no room for the small numbers of an update: a first step makes weights that are no numbers."""
    if any(one.requires_grad and one.dtype == torch.float16 for one in model.parameters()):
        raise NotProvided(
            "weights to train are in float16, which updates turn into infinities; load them in float32 or bfloat16: "
            'model_init_kwargs={"dtype": "bfloat16"}, or model.float()'
        )


def _wrapped(policy: Model, peft_config: object) -> Model:
    if peft_config is not None:
        if hasattr(policy, "peft_config"):
            raise ValueError("the model has adapters already; give either it or peft_config")
        from peft import get_peft_model

        if getattr(peft_config, "is_prompt_learning", False):
            raise NotProvided("prompt tuning adds tokens of its own to every prompt; give a LoraConfig")
        return get_peft_model(policy, peft_config)
    if hasattr(policy, "peft_config"):
        if policy.active_adapter != DEFAULT_ADAPTER:
            raise ValueError(f"the adapter that learns must be named 'default'; got {policy.active_adapter!r}")
        if policy.peft_config[DEFAULT_ADAPTER].is_prompt_learning:
            raise NotProvided("prompt tuning adds tokens of its own to every prompt; use LoRA")
        policy.set_adapter(DEFAULT_ADAPTER)
    return policy


def _copy(model: Model | str | Path, policy: Model, config: PreferenceConfig) -> Model:
    return _model(model, config) if isinstance(model, str | Path) else copy.deepcopy(policy)
