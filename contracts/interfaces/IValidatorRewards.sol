// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IPaying} from "./IPaying.sol";

/// @title Decision and hand: what every validator of a cycle earns, and its payment
/// @notice Amounts are in the smallest unit of the asset (wei, or the token's). Rates are in bps (1/10,000).
interface IValidatorRewards is IPaying {
    /// @dev None: not decided. Counting: pages are being counted. Settled: amounts fixed. RolledOver: nobody is paid,
    /// the money stays in the pool. Voided: settled, then taken back by the guardian before any payment.
    enum State {
        None,
        Counting,
        Settled,
        RolledOver,
        Voided
    }

    enum Reason {
        TooFewSnapshots,
        Shortfall
    }

    /// @param rateBps Online rate that makes a validator eligible, 1 … 10,000.
    /// @param minSnapshots Hours a cycle needs; below, it rolls over. 1 … 24, default 20 (R-12).
    /// @param weighted Split by weight instead of equally.
    /// @param payAll With nobody eligible pay everybody, as the origin does; default false: all is carried.
    /// @param maxRefused Refusals after which a batch stops cleanly, 1 … 32.
    /// @param stipend Gas a payee (native) or the token's transfer gets, within MIN_STIPEND … MAX_STIPEND.
    /// @param grace Seconds after which anyone may extract (from the cut) or transfer (from extract), 1 h … 3 d.
    /// @param settleDelay Seconds from extract to the first transfer, in which the guardian may void, 0 … 3 d.
    /// @param cap Most that one cycle may pay; rolled-over cycles add theirs, up to 7. type(uint128).max: no cap.
    struct Params {
        uint16 rateBps;
        uint8 minSnapshots;
        bool weighted;
        bool payAll;
        uint8 maxRefused;
        uint24 stipend;
        uint24 grace;
        uint24 settleDelay;
        uint128 cap;
    }

    /// @param pool What the cycle had to share, after the cap.
    /// @param allocated Sum of all shares; pool - allocated went back to the pool as carry.
    /// @param weightSum Divisor of the split: the eligible validators' weights, or their number in the equal split.
    /// @param transferFrom Second from which the keeper may transfer and a payee may claim.
    /// @param openFrom Second from which anyone may transfer.
    struct Cycle {
        State state;
        bool weighted;
        uint8 snapshots;
        uint32 words;
        uint32 eligible;
        uint40 extractedAt;
        uint256 transferFrom;
        uint256 openFrom;
        uint256 pool;
        uint256 allocated;
        uint256 weightSum;
    }

    /// @param funded Everything ever booked by `fund` and `skim`.
    /// @param pool funded - drawn: what later cycles may share.
    /// @param unpaid Allocated and neither paid nor credited.
    /// @param credits Refused or swept payments waiting to be withdrawn.
    struct Books {
        uint256 funded;
        uint256 pool;
        uint256 unpaid;
        uint256 credits;
        uint256 balance;
    }

    /// @param mask Bit i: validator 256 * word + i was paid.
    struct PaidWord {
        uint256 word;
        uint256 mask;
    }

    /// @notice Money joined the pool of `cycle` and later ones.
    event Funded(address indexed from, uint32 indexed cycle, uint256 amount);
    /// @notice Coin that was forced in, or tokens sent without `fund`, were booked.
    event Skimmed(uint32 indexed cycle, uint256 amount);
    event CountStarted(uint32 indexed cycle, uint256 pool);
    /// @notice Eligible validators of roster words [firstWord, firstWord + words.length).
    event Counted(uint32 indexed cycle, uint256 firstWord, uint256[] words);
    /// @notice Amounts are fixed. carried = pool - allocated went back to the pool.
    event Extracted(
        uint32 indexed cycle,
        uint8 snapshots,
        uint32 eligible,
        uint256 pool,
        uint256 allocated,
        uint256 carried,
        uint256 weightSum,
        bool weighted
    );
    /// @param missing Bit h: hour h of the cycle does not count.
    event CycleRolledOver(uint32 indexed cycle, Reason reason, uint8 snapshots, uint24 missing);
    event Shortfall(uint32 indexed cycle, uint256 balance, uint256 owed);
    event CycleVoided(uint32 indexed cycle, uint256 returned);
    /// @notice One a batch: who was paid, by roster word.
    event Paid(uint32 indexed cycle, PaidWord[] words);
    /// @param credited True when the keeper's batch turned the refusal into a credit; else the share stays unpaid.
    event PaymentRefused(
        uint32 indexed cycle,
        uint32 indexed index,
        address indexed to,
        uint256 amount,
        bool credited
    );
    event Claimed(uint32 indexed cycle, uint32 indexed index, address indexed to, uint256 amount);
    event Swept(uint32 indexed cycle, uint32 indexed index, address indexed to, uint256 amount);
    event ParamsSet(uint32 indexed fromCycle, Params params);
    event CapLowered(uint128 cap);
    event ReturnedToSponsor(address indexed sponsor, uint256 amount);

    error NotKeeper(address caller, uint256 openFrom);
    error KeeperIsReporter(address keeper);
    error CycleStillOpen(uint32 cycle, uint256 cut);
    error CycleNotNext(uint32 cycle, uint32 next);
    error CycleAlreadySettled(uint32 cycle);
    error CycleNotSettled(uint32 cycle, State state);
    error CycleBeingCounted(uint32 cycle);
    error EvidenceNotFinal(uint32 cycle, uint24 missing);
    error PageTooSmall(uint256 words, uint256 minimum);
    error TransferTooEarly(uint32 cycle, uint256 from);
    error LengthMismatch(uint256 left, uint256 right);
    error GasTooLow(uint32 index);
    error VoidTooLate(uint32 cycle, uint256 until);
    error SweepTooEarly(uint32 cycle, uint256 from);
    error NotPayee(address caller, address payee);
    error NothingToClaim(uint32 index);
    error ParamsChangePending(uint32 cycle);
    error CapNotLower(uint128 given, uint128 current);
    error StillAlive(uint256 returnableFrom);
    error RangeTooLong(uint256 given, uint256 limit);

    /// @notice Adds money to the pool of the cycle that is open now (after a cut: of the next pool, R-20).
    /// @param amount Native coin: equals msg.value. Token: pulled by transferFrom; what arrives is booked.
    function fund(uint256 amount) external payable;

    /// @notice Books coin or tokens that came in without `fund`. Anyone.
    function skim() external;

    /// @notice Decides a cycle in one transaction: who was up long enough, and what each earns (share =
    /// floor(pool / eligible) or floor(pool * weight / weights)); the remainder stays in the pool. Keeper from the
    /// cut on, anyone from cut + grace on. Rolls the cycle over when it has too few snapshots.
    /// @dev Reverts: NotKeeper, CycleStillOpen, CycleNotNext, CycleAlreadySettled, EvidenceNotFinal, Paused.
    function extract(uint32 cycle) external;

    /// @notice The same by pages of at most `maxWords` roster words. The first call is for the callers of `extract`;
    /// anyone continues. A page that is not the last has at least MIN_PAGE_WORDS words.
    /// @return done Whether the cycle is decided now.
    function extractPage(uint32 cycle, uint256 maxWords) external returns (bool done);

    /// @notice Pays validators of a settled cycle: bit i of masks[k] names validator 256 * words[k] + i. Paid and
    /// unknown ones are skipped. A refusal is isolated: in the keeper's batch it becomes a credit, in a stranger's
    /// the share stays unpaid. Keeper from extract + settleDelay on, anyone from extract + grace on.
    /// @dev Reverts: GasTooLow (never guess the gas limit by estimate), TransferTooEarly, CycleNotSettled,
    /// ListTooLong, LengthMismatch, Paused.
    function extractTransfer(
        uint32 cycle,
        uint256[] calldata words,
        uint256[] calldata masks
    ) external;

    /// @notice Pays a validator's own shares to its fund address, with all gas. Its fund address only; never paused.
    function claim(uint32[] calldata cycles, uint32 index) external;

    /// @notice Turns shares unpaid 30 days after extract into credits, calling nobody. Anyone.
    function sweep(uint32 cycle, uint256[] calldata words, uint256[] calldata masks) external;

    /// @notice Takes a settled cycle back within its settleDelay; the money returns to the pool. Guardian only.
    function voidCycle(uint32 cycle) external;

    /// @notice Sets the parameters of the cycles from the next opening on. Admin only.
    function setParams(Params calldata params) external;

    /// @notice Lowers the cap at once, for every cycle not yet extracted. Guardian only.
    function lowerCap(uint128 cap) external;

    /// @notice Revokes a keeper at once. Guardian only.
    function revokeKeeper(address keeper) external;

    /// @notice Returns the pool (never credits or unpaid) to the sponsor when no cycle settled for 90 days. Anyone.
    function returnToSponsor() external;

    function nextCycle() external view returns (uint32);
    function cycle(uint32 n) external view returns (Cycle memory);
    function paramsAt(uint32 n) external view returns (Params memory);
    function books() external view returns (Books memory);

    /// @return What cycle n would share if it were decided now: its funding, capped.
    function poolOf(uint32 n) external view returns (uint256);

    /// @return Validators of the word that are not yet paid or credited for the cycle.
    function unpaidMask(uint32 n, uint256 word) external view returns (uint256);

    /// @return What is still unpaid to validator `index` for the cycle.
    function rewardOf(uint32 n, uint32 index) external view returns (uint256);

    /// @return Sum of `rewardOf` over [fromCycle, toCycle] for the newest index of a node; at most 400 cycles.
    function balanceOf(
        address node,
        uint32 fromCycle,
        uint32 toCycle
    ) external view returns (uint256);

    /// @return The first cycle of [fromCycle, toCycle] with a share to pay; 0 when there is none.
    function oldestUnpaid(uint32 fromCycle, uint32 toCycle) external view returns (uint32);

    /// @return eligible Number of validators that would be paid, pool What they would share, share The equal share
    /// (0 in the weighted split), isFinal Whether extract would accept the evidence.
    function previewExtract(
        uint32 n
    ) external view returns (uint256 eligible, uint256 pool, uint256 share, bool isFinal);
}
