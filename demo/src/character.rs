//! Which of the demo's models is asked.

/// A manner of answering. The deployment's name chooses it: what has `quick` in its name is quick, and any other name,
/// also one the demo does not know, is the one that takes its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Character {
    /// Thinks in several steps, at a readable pace.
    Thorough,
    /// One thought, then the answer, at twice the pace.
    Quick,
}

/// How much a request wants to be thought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// Not at all.
    None,
    /// One thought.
    Less,
    /// As many as the question gives.
    Usual,
    /// And one more.
    More,
}

impl Character {
    pub(super) fn of(deployment: &str) -> Self {
        if deployment.to_ascii_lowercase().contains("quick") { Self::Quick } else { Self::Thorough }
    }

    /// The effort of a request that names none.
    pub(super) fn effort(self) -> Effort {
        match self {
            Self::Thorough => Effort::Usual,
            Self::Quick => Effort::Less,
        }
    }
}

impl Effort {
    /// The effort of this name, as OpenAI's models have them.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::None),
            "minimal" | "low" => Some(Self::Less),
            "medium" => Some(Self::Usual),
            "high" | "xhigh" | "max" => Some(Self::More),
            _ => None,
        }
    }
}
